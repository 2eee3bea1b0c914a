"""The command `adapt`: what it writes, what it says, its exit codes; and that it writes all or nothing."""

import json
from base64 import b64decode
from pathlib import Path

import pytest

from streams.adapt import command
from streams.mapping import adapters
from tests.adapt.exports import (
    Json,
    at,
    connect_leg,
    paid_back,
    shopify_order,
    shopify_refund,
    write_lines,
    zulu,
)
from tests.adapt.runs import table
from tests.lab.datasets import Done, run

MAPPING = """
[source.orders]
files = "orders*.csv"
format = "csv"
[[source.orders.event]]
name = "purchase"
to = "transaction"
[source.orders.event.fields]
event_id = "order"
customer_id = "customer"
time = "at"
kind = { value = "purchase" }
amount = "total"
currency = { value = "USD" }

[source.calls]
files = "calls*.csv"
format = "csv"
[[source.calls.event]]
name = "call"
to = "contact"
[source.calls.event.fields]
contact_id = "call"
customer_id = "customer"
time = "at"
channel = { value = "voice" }
"""
ORDERS = (
    "order,customer,at,total\n1,7,2024-03-01 12:00,10.00\n2,,2024-03-02 12:00,5.00\n3,8,2024-03-03 12:00,x\n"
)
CALLS = "call,customer,at\nk-1,7,2024-03-04 12:00\n"


@pytest.fixture(name="export")
def _export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (folder / "calls.csv").write_text(CALLS, encoding="utf-8")
    (tmp_path / "my.toml").write_text(MAPPING, encoding="utf-8")
    return folder


def lines(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_export_becomes_event_files(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "events"
    done = run("adapt", tmp_path / "my.toml", export, out, "--zone", "Europe/Berlin")
    assert done.code == 0, done
    assert [one["time"] for one in lines(out / "transactions.jsonl")] == ["2024-03-01T11:00:00.000Z"]
    assert [one["contact_id"] for one in lines(out / "contacts.jsonl")] == ["k-1"]
    (letter,) = lines(out / "refused-my.jsonl")
    assert letter == {
        "file": "orders.csv",
        "line": 4,
        "rule": "orders/purchase",
        "reason": "schema",
        "detail": "amount: not a number",
        "record": "3,8,2024-03-03 12:00,x",
    }
    for told in (
        "orders.csv",
        "skipped: no customer",
        "refused (schema): amount: not a number",
        "transactions.jsonl: 1 event\n",
        "contacts.jsonl: 1 event\n",
        "refused-my.jsonl: 1 refused, whole, each with why",
    ):
        assert told in done.out
    assert sorted(path.name for path in out.iterdir()) == [
        *("contacts.jsonl", "refused-my.jsonl", "transactions.jsonl")
    ]


def test_csv_takes_a_mapping(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("adapt", "csv", export, out, "--mapping", tmp_path / "my.toml", "--zone", "UTC")
    assert done.code == 0, done
    assert (out / "refused-csv.jsonl").exists()


def test_a_source_without_a_file_and_a_field_that_finds_nothing_are_named(
    export: Path, tmp_path: Path
) -> None:
    wrong = MAPPING.replace('"orders*.csv"', '"order.csv"').replace('_id = "call"', '_id = "Call"')
    (tmp_path / "my.toml").write_text(wrong, encoding="utf-8")
    done = run("adapt", tmp_path / "my.toml", export, tmp_path / "out", "--zone", "UTC")
    assert done.code == 65
    assert "orders: nothing was read, for no file is named order.csv" in done.out
    assert "refused (schema): contact_id: missing" in done.out
    (tmp_path / "my.toml").write_text(f'{MAPPING}csat = "Score"\n', encoding="utf-8")
    done = run("adapt", tmp_path / "my.toml", export, tmp_path / "out", "--zone", "UTC")
    assert done.code == 0
    assert "calls/call: found in no record: csat. Is the" in done.out
    assert "orders/purchase: found" not in done.out


def test_several_exports_go_into_one_directory(tmp_path: Path) -> None:
    write_lines(tmp_path / "orders.json", [shopify_order(1, "7", at(), 1_000)])
    write_lines(tmp_path / "contacts.json", [connect_leg("k", "7", at(1))])
    out = tmp_path / "out"
    for kind, name in (("shopify", "orders.json"), ("amazon-connect", "contacts.json")):
        assert run("adapt", kind, tmp_path / name, out).code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        *("contacts.jsonl", "refused-amazon-connect.jsonl", "refused-shopify.jsonl", "transactions.jsonl")
    ]


def test_what_is_there_is_replaced_with_force_only(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("adapt", tmp_path / "my.toml", export, out, "--zone", "UTC")
    assert run(*arguments).code == 0
    before = (out / "transactions.jsonl").read_bytes()
    (export / "orders.csv").write_text(ORDERS + "4,9,2024-03-05 12:00,1.00\n", encoding="utf-8")
    done = run(*arguments)
    assert (done.code, (out / "transactions.jsonl").read_bytes()) == (73, before)
    assert "transactions.jsonl is there already: --force replaces it" in done.err
    assert run(*arguments, "--force").code == 0
    assert len(lines(out / "transactions.jsonl")) == 2


def test_tables_are_given_by_options(tmp_path: Path) -> None:
    phones = table(tmp_path, "phones.csv", "phone,customer_id\n212-555-0100,7\n")
    rates = table(tmp_path, "rates.csv", "day,currency,rate\n2024-01-01,EUR,1.10\n")
    merged = table(tmp_path, "merged.csv", "customer_id,merged_into\n7,9\n")
    write_lines(tmp_path / "orders.json", [shopify_order(1, "7", at(), 1_000, currency="EUR")])
    write_lines(tmp_path / "contacts.json", [connect_leg("k", None, at(1))])
    out = tmp_path / "out"
    shop = run("adapt", "shopify", tmp_path / "orders.json", out, "--rates", rates, "--merged", merged)
    desk = run(
        *("adapt", "amazon-connect", tmp_path / "contacts.json", out),
        *("--lookup", f"phones={phones}", "--merged", merged),
    )
    assert (shop.code, desk.code) == (0, 0)
    (bought,), (called,) = lines(out / "transactions.jsonl"), lines(out / "contacts.jsonl")
    assert (bought["exchange_rate"], bought["customer_id"], called["customer_id"]) == ("1.1", "9", "9")


@pytest.mark.parametrize("kind", adapters.NAMES)
def test_the_mapping_of_an_adapter_is_shown_and_works_as_a_file(tmp_path: Path, kind: str) -> None:
    shown = run("adapt", kind, "--show")
    assert (shown.code, shown.out) == (0, adapters.text(kind))
    (tmp_path / "own.toml").write_text(shown.out, encoding="utf-8")
    write_lines(tmp_path / "orders.json", [{"nothing": 1}])
    done = run("adapt", tmp_path / "own.toml", tmp_path / "orders.json", tmp_path / "out")
    assert done.code == 65  # read, and nothing came of it


def refused(done: Done, code: int, told: str) -> None:
    assert (done.code, done.err.startswith("error: ")) == (code, True), done
    assert told in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("shopify",), 64, "say which export: adapt KIND IN OUT"),
        (("shopify", "export"), 64, "say where to: adapt KIND IN OUT"),
        (("shopware", "export", "out"), 64, "no such kind: write shopify, segment"),
        (("csv", "export", "out"), 64, "csv needs --mapping FILE"),
        (("csv", "--show"), 64, "a mapping is shown for shopify"),
        (("zendesk", "export", "out", "--lookup", "phones"), 64, "a look-up is given as NAME=FILE"),
        (("zendesk", "nothing", "out"), 66, "no such file or directory: nothing"),
        (("zendesk", "export", "out"), 66, "nothing to read in export: looked for *.json*"),
        (("no.toml", "export", "out"), 78, "no.toml can't be read"),
        (
            ("zendesk", "export/calls.csv", "out", "--lookup", "phones=p.csv"),
            78,
            "has no look-up phones; it has: req",
        ),
        (
            ("zendesk", "export/calls.csv", "out", "--lookup", "requesters=p.csv"),
            78,
            "p.csv can't be read: No such",
        ),
        (
            ("zendesk", "export/calls.csv", "out", "--rates", "export/calls.csv"),
            78,
            "calls.csv has no columns day",
        ),
        (("zendesk", "export/calls.csv", "out", "--zone", "Berlin"), 78, "Berlin: no such time zone"),
        (("my.toml", "my.toml", "out"), 66, "nothing to read in my.toml: looked for orders*.csv, calls*.csv"),
        (("both.toml", "export/calls.csv", "out"), 65, "calls.csv fits two sources of the mapping"),
        (("zendesk", "export/calls.csv", "out"), 65, "no event came of it"),
    ],
)
def test_exit_codes(
    export: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, told: str
) -> None:
    monkeypatch.chdir(export.parent)
    (export.parent / "both.toml").write_text(MAPPING.replace("orders*.csv", "*.csv"), encoding="utf-8")
    refused(run("adapt", *arguments), code, told)


def test_more_refused_than_mapped_is_bad_data_and_all_is_written(tmp_path: Path) -> None:
    good, bad = connect_leg("k", "7", at(1)), connect_leg("b", "7", at(1), DisconnectTimestamp="yesterday")
    write_lines(tmp_path / "contacts.json", [good, bad, bad | {"ContactId": "c"}])
    done = run("adapt", "amazon-connect", tmp_path / "contacts.json", tmp_path / "out")
    assert done.code == 65
    assert "more was refused than became events: " in done.out + done.err
    assert len((tmp_path / "out" / "contacts.jsonl").read_text().splitlines()) == 1
    assert len((tmp_path / "out" / "refused-amazon-connect.jsonl").read_text().splitlines()) == 2


def test_a_file_of_the_export_is_never_written_over(tmp_path: Path) -> None:
    write_lines(tmp_path / "contacts.jsonl", [connect_leg("k", "7", at(1))])
    before = (tmp_path / "contacts.jsonl").read_bytes()
    done = run("adapt", "amazon-connect", tmp_path / "contacts.jsonl", tmp_path, "--force")
    refused(done, 73, "is an input of this command")
    assert (tmp_path / "contacts.jsonl").read_bytes() == before


def test_nothing_is_written_where_a_file_can_not_be_read_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    write_lines(folder / "orders-1.json", [shopify_order(1, "7", at(), 1_000)])
    (folder / "orders-2.json.gz").write_bytes(b"\x1f\x8b cut off")
    out = tmp_path / "out"
    refused(run("adapt", "shopify", folder, out), 65, "orders-2.json.gz can't be read to its end")
    assert list(out.iterdir()) == []


def test_nothing_is_written_when_it_ends_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path / "orders.json", [shopify_order(1, "7", at(), 1_000)])
    out = tmp_path / "out"

    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "adapt", interrupted)
    assert run("adapt", "shopify", tmp_path / "orders.json", out).code == 130
    assert list(out.iterdir()) == []


def test_out_may_not_be_a_file(tmp_path: Path) -> None:
    write_lines(tmp_path / "orders.json", [shopify_order(1, "7", at(), 1_000)])
    refused(
        run("adapt", "shopify", tmp_path / "orders.json", tmp_path / "orders.json"), 73, "cannot be written"
    )


def test_what_is_refused_only_at_the_end_is_told_with_its_record(tmp_path: Path) -> None:
    text = MAPPING.replace(
        'to = "transaction"', 'to = "transaction"\nfollow = { by = "order", as = "total", time = "at" }'
    )
    (tmp_path / "my.toml").write_text(text.partition("[source.calls]")[0], encoding="utf-8")
    long = "x" * 128  # of which a correction's id would be too long
    states = [("1", 1, 10), (long, 1, 10), (long, 2, 11)]
    rows = "".join(f"{order},7,2024-03-0{day}T12:00Z,{total}\n" for order, day, total in states)
    export = table(tmp_path, "orders.csv", f"order,customer,at,total\n{rows}")
    assert run("adapt", tmp_path / "my.toml", export, tmp_path / "out").code == 0
    (letter,) = lines(tmp_path / "out" / "refused-my.jsonl")
    assert (letter["line"], letter["record"]) == (4, f"{long},7,2024-03-02T12:00Z,11")
    assert len(lines(tmp_path / "out" / "transactions.jsonl")) == 2


def test_an_order_of_a_page_is_refused_alone(tmp_path: Path) -> None:
    page = {
        "orders": [shopify_order(1, "7", at(), 1_000), shopify_order(2, "7", at(), 1_000, total_price="x")]
    }
    write_lines(tmp_path / "orders.json", [page])
    assert run("adapt", "shopify", tmp_path / "orders.json", tmp_path / "out").code == 0
    (letter,) = lines(tmp_path / "out" / "refused-shopify.jsonl")
    assert json.loads(letter["record"]) == page["orders"][1]


def test_events_are_in_the_order_of_their_time_whatever_that_of_the_export(tmp_path: Path) -> None:
    late = shopify_order(
        1, "7", at(0), 1_000, updated_at=zulu(at(90)), refunds=[shopify_refund(1, at(9), [paid_back(100)])]
    )
    write_lines(tmp_path / "orders.json", [shopify_order(2, "7", at(5), 500), late])
    assert run("adapt", "shopify", tmp_path / "orders.json", tmp_path / "out").code == 0
    found = lines(tmp_path / "out" / "transactions.jsonl")
    assert [one["event_id"] for one in found] == ["order-5000000001", "order-5000000002", "refund-900001"]


def test_files_that_no_pattern_fits_are_named_and_those_of_other_months_are_a_fault(
    export: Path, tmp_path: Path
) -> None:
    arguments = ("adapt", tmp_path / "my.toml", export, export / "out", "--zone", "UTC", "--force")
    assert "not read" not in run(*arguments).out
    (tmp_path / "my.toml").rename(export / "my.toml")
    (export / "notes.txt").write_text("", encoding="utf-8")
    (export / ".hidden").write_text("", encoding="utf-8")
    done = run(arguments[0], export / "my.toml", *arguments[2:])
    assert done.code == 0
    assert "not read: 1 file that no `files` of the mapping fits: notes.txt\n" in done.out
    (export / "Orders-2024-04.CSV").write_text(ORDERS, encoding="utf-8")
    (export / "calls-2.csv.txt").write_text(CALLS, encoding="utf-8")
    done = run(arguments[0], export / "my.toml", *arguments[2:])
    assert done.code == 0  # named like none that was read
    assert (
        "not read: 3 files that no `files` of the mapping fits: Orders-2024-04.CSV, calls-2.csv.txt, "
        in done.out
    )
    (export / "orders-2024-03.csv").write_text(ORDERS.replace("1,7", "9,7"), encoding="utf-8")
    done = run(arguments[0], export / "my.toml", *arguments[2:])
    assert done.code == 65
    assert "named like a file that was read, but not read: Orders-2024-04.CSV. Let `files`" in done.err
    assert len(lines(export / "out" / "transactions.jsonl")) == 2


def test_directories_of_the_export_are_named_but_for_out(export: Path, tmp_path: Path) -> None:
    (export / "2023").mkdir()
    (export / "2023" / "orders.csv").write_text(ORDERS, encoding="utf-8")
    done = run("adapt", tmp_path / "my.toml", export, export / "out", "--zone", "UTC")
    assert done.code == 0
    assert "\nnot read, for only the files of one directory are: 2023\n" in done.out


def test_a_file_that_was_not_read_on_to_its_end_is_a_fault(tmp_path: Path) -> None:
    text = MAPPING.partition("[source.calls]")[0].replace("csv", "json")
    (tmp_path / "my.toml").write_text(text, encoding="utf-8")
    rows = [{"order": str(n), "customer": "7", "at": "2024-03-01T12:00Z", "total": 1} for n in range(9)]
    raw = json.dumps(rows).replace('"order": "6",', '"order": "6",,')
    (tmp_path / "orders.json").write_text(raw, encoding="utf-8")
    out = tmp_path / "out"
    assert run("adapt", tmp_path / "my.toml", tmp_path / "orders.json", out).code == 0
    assert (len(lines(out / "transactions.jsonl")), len(lines(out / "refused-my.jsonl"))) == (8, 1)
    lost = '}, {"what": 1}, {"ever": 2}]'
    good = json.dumps(rows[:1])[:-1]
    (tmp_path / "orders.json").write_text(f'{good}, {{"order": 1,,{lost}', encoding="utf-8")
    done = run("adapt", tmp_path / "my.toml", tmp_path / "orders.json", out, "--force")
    assert done.code == 65
    assert "orders.json was not read on to its end: what begins at line 1 can't be read" in done.err
    assert (len(lines(out / "transactions.jsonl")), len(lines(out / "refused-my.jsonl"))) == (1, 1)
    assert lines(out / "refused-my.jsonl")[0]["record"] == f'{{"order": 1,,{lost}'


def test_ids_that_come_again_are_counted_within_a_file_and_between_files(
    export: Path, tmp_path: Path
) -> None:
    (export / "orders.csv").write_text(ORDERS + "1,7,2024-03-01 12:00,10.00\n", encoding="utf-8")
    (export / "orders-2.csv").write_text(ORDERS, encoding="utf-8")
    done = run("adapt", tmp_path / "my.toml", export, tmp_path / "out", "--zone", "UTC")
    assert done.code == 0
    assert "transactions.jsonl: 1 event with an id that one before it in the same file has. As" in done.out
    assert "transactions.jsonl: 1 event with an id that one of another file has. The first" in done.out
    assert "contacts.jsonl: 1 event with" not in done.out


def test_the_same_ids_in_exports_of_two_sources_are_counted(export: Path, tmp_path: Path) -> None:
    (export / "old.csv").write_text(ORDERS, encoding="utf-8")
    first, _, calls = MAPPING.partition("[source.calls]")
    second = first.replace("source.orders", "source.old").replace("orders*", "old*")
    (tmp_path / "my.toml").write_text(f"{first}{second}[source.calls]{calls}", encoding="utf-8")
    arguments = ("adapt", tmp_path / "my.toml", export, tmp_path / "out", "--zone", "UTC", "--force")
    said = "transactions.jsonl: 1 event with an id that one of another file has, but another source: both"
    assert said in run(*arguments).out
    one = '\nsource = { value = "shop" }\nevent_id'
    (tmp_path / "my.toml").write_text(f"{first}{second}".replace("\nevent_id", one), encoding="utf-8")
    done = run(*arguments)
    assert "another source" not in done.out
    assert "transactions.jsonl: 1 event with an id that one of another file has. The first" in done.out


def test_of_a_damaged_page_the_orders_that_are_whole_become_events(tmp_path: Path) -> None:
    orders = [shopify_order(n, "7", at(), 1_000) for n in range(1, 4)]
    orders[1]["note"] = "J\x00rg"
    raw = json.dumps({"orders": orders}).encode().replace(b"\\u0000", b"\xf6")
    (tmp_path / "orders.json").write_bytes(raw)
    assert run("adapt", "shopify", tmp_path / "orders.json", tmp_path / "out").code == 0
    assert len(lines(tmp_path / "out" / "transactions.jsonl")) == 2
    (letter,) = lines(tmp_path / "out" / "refused-shopify.jsonl")
    assert (letter["reason"], letter["detail"]) == ("not_json", "not UTF-8")
    assert b"J\xf6rg" in b64decode(letter["record_base64"])


def test_what_would_help_is_told(tmp_path: Path) -> None:
    orders = [shopify_order(1, "7", at(), 1_000), shopify_order(2, "7", at(), 1_000, currency="EUR")]
    write_lines(tmp_path / "orders.json", orders)
    write_lines(tmp_path / "contacts.json", [connect_leg("k", None, at(1))])
    done = run("adapt", "shopify", tmp_path / "orders.json", tmp_path / "out")
    assert "--rates FILE gives the rates of others" in done.out
    done = run("adapt", "amazon-connect", tmp_path / "contacts.json", tmp_path / "out")
    assert done.code == 65
    assert "no customer: a file may tell whose they are, --lookup phones=FILE" in done.out


def test_of_many_files_and_reasons_the_first_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    for number in range(25):
        order = shopify_order(number, "7", at(), 1_000, refunds=[number] if number else [])
        write_lines(folder / f"orders-{number:02}.json", [order])
    done = run("adapt", "shopify", folder, tmp_path / "out")
    assert "orders-19.json" in done.out
    assert "orders-20.json" not in done.out
    assert "5 more files" in done.out


def test_the_help_teaches() -> None:
    done = run("adapt", "--help")
    assert done.code == 0
    for word in ("--lookup", "--rates", "--merged", "--zone", "--show", "--suggest", "refused-KIND.jsonl"):
        assert word in done.out
