"""A mapping that can't be used is refused before the first record, with a line that says where."""

from pathlib import Path

import pytest

from streams.mapping import adapters
from streams.mapping.config import MappingError, in_zone, load, parse, with_tables
from streams.mapping.mapping import Mapping

TEXT = """
[source.orders]
skip = [{ when = "test", why = "test order" }]

[[source.orders.event]]
name = "purchase"
to = "transaction"
follow = { by = "id", as = "total", time = "at" }

[source.orders.event.fields]
event_id = "id"
customer_id = "customer"
time = "at"
kind = { value = "purchase" }
amount = ["total", "price"]
currency = { value = "USD" }

[lookup.phones]
key = "phone"
value = "customer_id"
"""


def refused(old: str, new: str) -> str:
    assert old in TEXT
    with pytest.raises(MappingError) as error:
        Mapping(parse(TEXT.replace(old, new, 1), folder=Path(), name="my.toml"), "USD")
    return str(error.value)


def test_the_text_itself_is_a_mapping() -> None:
    Mapping(parse(TEXT, folder=Path(), name="my.toml"), "USD")


FIELDS = "source.orders.event.purchase.fields"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('time = "at"\nkind', 'time = "at["\nkind', f"my.toml: {FIELDS}.time.from: 'at[' is no JMESPath"),
        ('"total", "price"', '"total", "sums(price)"', f"{FIELDS}.amount.2.from: 'sums(price)' calls sums()"),
        ('"customer"', "3", f"{FIELDS}.customer_id: neither an expression in quotes nor a table"),
        ('"customer"', "{ from = 3 }", f"{FIELDS}.customer_id.from: an expression is text in quotes"),
        ('"customer"', "[]", f"{FIELDS}.customer_id: empty"),
        ('"customer"', "{}", f"{FIELDS}.customer_id: give either `value` or `from`"),
        ('"customer"', '{ from = "a", value = "b" }', f"{FIELDS}.customer_id: give either"),
        ('"customer"', '{ value = "b", prefix = "c" }', f"{FIELDS}.customer_id: `value` stands alone"),
        ('"customer"', '{ from = "a", form = "b" }', f"{FIELDS}.customer_id.form: there is no such key"),
        ('"customer"', '{ from = "a", phone = "XX" }', f"{FIELDS}.customer_id.phone: no region"),
        ('"customer"', '{ from = "a", lookup = "b" }', "orders/purchase: customer_id is looked up in b"),
        ('"USD"', '"USD", zone = "Europe/Nowhere"', f"{FIELDS}.currency.zone: no such time zone"),
        ('"USD"', '"USD", zone = "../../etc/passwd"', f"{FIELDS}.currency.zone: no such time zone"),
        ('"USD"', '"USD", time = "epoch"', f"{FIELDS}.currency.time: no form of a time: write epoch_s"),
        ('"USD"', '"USD", time = "%Q"', f"{FIELDS}.currency.time: no form of a time"),
        ('"USD"', '"USD", unit = "pence"', f"{FIELDS}.currency.unit: "),
        ('"USD"', '"USD", decimal = "dot"', f"{FIELDS}.currency.decimal: "),
        ("amount =", "amuont =", "orders/purchase: Transaction has no field amuont"),
        ('kind = { value = "purchase" }\n', "", "orders/purchase: these fields are needed: kind"),
        ('customer_id = "customer"\n', "", "orders/purchase: these fields are needed: customer_id"),
        (
            'value = "purchase"',
            'value = "bought"',
            "orders/purchase: kind can't be 'bought': Input should be",
        ),
        ('value = "purchase"', 'from = "a", words = { a = "bought" }', "kind can't be 'bought'"),
        ('value = "purchase"', 'from = "a", words = {}, other = "bought"', "kind can't be 'bought'"),
        ('["total", "price"]', "{ value = 5 }", "amount can't be 5: Input should be a valid string"),
        ('"USD"', '"dollars"', "currency can't be 'dollars'"),
        ('to = "transaction"', 'to = "purchase"', "source.orders.event.purchase.to: "),
        ('name = "purchase"', 'name = "A purchase"', "source.orders.event.A purchase.name: "),
        ('as = "total"', 'as = "sum"', "source.orders.event.purchase.follow.as: "),
        ('as = "total"', 'as = "legs"', "orders/purchase: a transaction is not followed as legs"),
        (', why = "test order"', "", "source.orders.skip.1.why: missing"),
        ('when = "test"', 'when = "test ="', "source.orders.skip.1.when: 'test =' is no JMESPath"),
        ("[source.orders]\n", '[source.orders]\nformat = "xml"\n', "source.orders.format: "),
        (
            "[source.orders]\n",
            '[source.orders]\nzone = "CET/Berlin"\n',
            "source.orders.zone: no such time zone",
        ),
        ('key = "phone"\n', "", "lookup.phones.key: missing"),
        ("[lookup.phones]", "[lookups.phones]", "my.toml: lookups: there is no such key"),
        ("[source.orders]", "[source.orders", "my.toml is no TOML"),
        ('value = "customer_id"', 'value = "customer_id"\nfile = "no.csv"', "no.csv can't be read"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, told: str) -> None:
    assert told in refused(old, new)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "source: missing"),
        ("source = 3", "source: "),
        ("source = []", "source: "),
        ("[source.a]", "source.a.event: missing"),
        ("source.a = 3", "source.a: "),
        ("[source.a]\nevent = []", "source.a.event: "),
    ],
)
def test_a_document_of_another_shape_is_refused(text: str, told: str) -> None:
    with pytest.raises(MappingError) as error:
        parse(text, folder=Path(), name="my.toml")
    assert f"my.toml: {told}" in str(error.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(refused('"customer"\ntime = "at"', '"a["\ntime = "b["').splitlines()) == 2


def test_two_events_of_one_name_are_refused() -> None:
    more = TEXT.partition("[lookup")[0].partition("[[")[2]
    with pytest.raises(MappingError, match="orders/purchase: two events of one source have this name"):
        Mapping(parse(f"{TEXT}\n[[{more}", folder=Path(), name="my.toml"), "USD")


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ('contact_id = "id"\nended_at = "end"', None),
        ('event_id = "id"\ntime = "end"', None),
        ('event_id = "id"', "time"),
        ('time = "end"', "contact_id, event_id, version"),
    ],
)
def test_a_contact_may_go_without_what_others_tell(fields: str, missing: str | None) -> None:
    text = f"""
[source.calls]
[[source.calls.event]]
name = "call"
to = "contact"
[source.calls.event.fields]
customer_id = "customer"
channel = {{ value = "voice" }}
{fields}
"""
    config = parse(text, folder=Path(), name="my.toml")
    if missing is None:
        Mapping(config, "USD")
    else:
        with pytest.raises(MappingError, match=f"calls/call: these fields are needed: {missing}$"):
            Mapping(config, "USD")


def test_a_profile_is_not_followed() -> None:
    told = refused('to = "transaction"', 'to = "notice"')
    assert "orders/purchase: " in told


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"no.toml can't be read: No such file"):
        load(tmp_path / "no.toml")
    (tmp_path / "latin.toml").write_bytes("# für".encode("latin-1"))
    with pytest.raises(MappingError, match=r"latin.toml is not UTF-8"):
        load(tmp_path / "latin.toml")


def test_files_of_tables_are_found_beside_the_mapping(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(f'{TEXT}file = "phones.csv"\n', encoding="utf-8")
    assert load(tmp_path / "my.toml").lookup["phones"].file == tmp_path / "phones.csv"


def test_tables_and_zone_of_the_command_line_take_the_place_of_those_of_the_mapping() -> None:
    config = parse(TEXT, folder=Path(), name="my.toml")
    changed = with_tables(config, {"phones": Path("p.csv")}, Path("r.csv"), Path("m.csv"))
    assert changed.lookup["phones"].file == Path("p.csv")
    assert changed.rates is not None
    assert changed.merged is not None
    assert with_tables(changed, {}) == changed
    with pytest.raises(MappingError, match="has no look-up emails; it has: phones"):
        with_tables(config, {"emails": Path("p.csv")})
    assert in_zone(config, "Europe/Berlin").sources["orders"].zone == "Europe/Berlin"
    assert in_zone(in_zone(config, "Asia/Tokyo"), "Europe/Berlin").sources["orders"].zone == "Asia/Tokyo"
    with pytest.raises(MappingError, match="Berlin: no such time zone"):
        in_zone(config, "Berlin")


@pytest.mark.parametrize("name", adapters.NAMES)
def test_the_adapters_are_mappings_whose_paths_are_short_enough_to_read(name: str) -> None:
    Mapping(parse(adapters.text(name), folder=Path(), name=name), "USD")
    assert adapters.text(name).startswith("# ")
