"""Ids and contents as other people have them: what makes zero alerts is said, in summary and report."""

import re
from pathlib import Path

import pytest

from tests.lab.others import Event, Read, call, calls, folder, moment, read, sale, sales, spelled


def both(found: Read, words: str) -> bool:
    """Whether the summary says so; if it does, the report must."""
    said = re.search(words, found.said) is not None
    assert not said or re.search(words, found.report), f"only in the summary: {words}"
    return said


def shoppers(count: int, **changes: object) -> list[Event]:
    """Return three purchases of each of so many customers."""
    return [sale(at, customer_id=f"c-{at % count}", time=moment(at)) | changes for at in range(3 * count)]


NO_MATCH = r"\bmatch|no purchase|never (buy|bought)|did not buy|no transaction|same way"


@pytest.mark.parametrize("written", ["C-{}", " c-{}", "c-{} ", "c{}", "00{}", "crm:{}"])
def test_contacts_of_nobody_who_buys_are_said(tmp_path: Path, written: str) -> None:
    contacts = spelled(call(at, customer_id=written.format(at)) for at in range(20))
    found = read(folder(tmp_path / "shop", spelled(shoppers(100)), contacts))
    assert both(found, NO_MATCH)
    assert "20" in found.said


@pytest.mark.parametrize(("written", "hint"), [("C-{}", "case|capital"), ("c-{} ", "blank|space")])
def test_ids_that_differ_in_case_or_blanks_are_said_to(tmp_path: Path, written: str, hint: str) -> None:
    contacts = spelled(call(at, customer_id=written.format(at)) for at in range(20))
    assert both(read(folder(tmp_path / "shop", spelled(shoppers(100)), contacts)), hint)


def test_contacts_of_those_who_buy_need_no_word(tmp_path: Path) -> None:
    found = read(folder(tmp_path / "shop", spelled(shoppers(100)), calls(20)))
    assert not both(found, NO_MATCH)


def test_one_contact_of_nobody_who_buys_needs_no_warning_of_all(tmp_path: Path) -> None:
    contacts = [*calls(19), *spelled([call(19, customer_id="prospect")])]
    found = read(folder(tmp_path / "shop", spelled(shoppers(100)), contacts))
    assert found.code == 0
    assert not re.search(r"\b(20|all) contacts\b", found.said)


def test_all_ids_alike_are_said(tmp_path: Path) -> None:
    """Otherwise 59 of 60 purchases look like one sent again."""
    lines = spelled(sale(at, event_id="always-the-same", time=moment(at)) for at in range(60))
    found = read(folder(tmp_path / "shop", lines, calls(5)), "--partitions", 1)
    assert both(found, "event_id|same id|ids? (is|are)")
    assert "59" in found.said
    assert "always-the-same" not in found.said


@pytest.mark.parametrize("amended", [0, 1, 2])
def test_the_same_id_with_other_content_is_counted_apart_and_named(tmp_path: Path, amended: int) -> None:
    lines = sales(60)
    doubles = [lines[20], lines[21], lines[22]]
    changed = spelled(sale(at, amount="999.00") for at in range(30, 30 + amended))
    found = read(folder(tmp_path / "shop", [*lines[:40], *doubles, *changed, *lines[40:]], calls(5)))
    assert found.letters == []
    assert re.search(r"\b3 duplicate", found.said)
    assert both(found, r"same (event_)?id") == (amended > 0)
    assert (
        re.search(rf"\b{amended} [^.;,]*same (event_)?id|same id[^.;]*\b{amended}\b", found.said) is not None
    ) == (amended > 0)


@pytest.mark.parametrize(
    ("amended", "named"),
    [(1, r"line 41\b"), (3, r"lines 41, 42, 43\)"), (4, r"lines 41, 42, 43 and 1 more")],
)
def test_the_first_lines_that_were_edited_are_named_and_what_to_send_instead(
    tmp_path: Path, amended: int, named: str
) -> None:
    lines = sales(60)
    changed = spelled(sale(at, amount="999.00") for at in range(30, 30 + amended))
    found = read(folder(tmp_path / "shop", [*lines[:40], *changed, *lines[40:]], calls(5)))
    assert both(found, named)
    assert both(found, "send a correction")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "11.01"},
        {"currency": "EUR", "exchange_rate": "1.1"},
        {"customer_id": "c-29"},
        {"time": moment(12 * 20 + 1)},
    ],
)
def test_whatever_changes_an_order_is_other_content(tmp_path: Path, change: Event) -> None:
    lines = sales(60)
    lines.insert(30, spelled([sale(20) | change])[0])
    found = read(folder(tmp_path / "shop", lines, calls(5)))
    if "customer_id" in change:
        assert re.search(r"same (event_)?id|61 applied", found.said)
    else:
        assert re.search(r"same (event_)?id", found.said)


def test_the_same_id_of_another_kind_is_another_event(tmp_path: Path) -> None:
    """A shop may number its refunds as it numbers its purchases."""
    lines = sales(60)
    lines.insert(30, spelled([sale(20) | {"kind": "refund"}])[0])
    found = read(folder(tmp_path / "shop", lines, calls(5)))
    assert "61 applied" in found.said
    assert not both(found, r"same (event_)?id")


def test_the_same_content_spelt_otherwise_is_a_true_duplicate(tmp_path: Path) -> None:
    """Fields in another order, the effective time in another zone, the amount with other zeros."""
    lines, event = sales(60), sale(20)
    assert event["time"] == "2020-01-11T00:00:00Z"
    lines[40:40] = spelled(
        [
            dict(reversed(event.items())),
            event | {"time": "2020-01-11T01:00:00+01:00"},
            event | {"amount": "16"},
        ]
    )
    assert event["amount"] == "16.00"
    found = read(folder(tmp_path / "shop", lines, calls(5)))
    assert "3 duplicate" in found.said
    assert not both(found, r"same (event_)?id")


def test_the_same_id_of_two_sources_is_no_double(tmp_path: Path) -> None:
    lines = spelled(shoppers(40)) + spelled(one | {"source": "web"} for one in shoppers(40))
    found = read(folder(tmp_path / "shop", lines, calls(5)), "--sort")
    assert "240 applied" in found.said
    assert "duplicate" not in found.said


@pytest.mark.parametrize("kind", ["refund", "chargeback"])
def test_refunds_only_are_said(tmp_path: Path, kind: str) -> None:
    lines = spelled(shoppers(100, kind=kind))
    assert both(read(folder(tmp_path / "shop", lines, calls(20))), r"refund|no purchase")


def test_one_purchase_among_refunds_is_not_refunds_only(tmp_path: Path) -> None:
    lines = spelled([*shoppers(100, kind="refund"), sale(1, event_id="one", time=moment(300))])
    found = read(folder(tmp_path / "shop", lines, calls(20)))
    assert not re.search("only refunds|refunds only|no purchase was|no purchases", found.said)


NO_CONTACTS = r"no contact|without (a )?contact|contacts? (is|are|was|were) missing"


def test_no_contacts_are_said(tmp_path: Path) -> None:
    found = read(folder(tmp_path / "shop", spelled(shoppers(100)), None))
    assert both(found, NO_CONTACTS)
    assert found.code == 0


def test_nothing_but_ticks_are_no_contacts(tmp_path: Path) -> None:
    tick = b'{"type":"tick","time":"2020-01-02T00:00:00Z","source":"x"}\n'
    found = read(folder(tmp_path / "shop", spelled(shoppers(100)), tick))
    assert both(found, NO_CONTACTS)


def test_contacts_only_are_said(tmp_path: Path) -> None:
    found = read(folder(tmp_path / "shop", None, calls(20)))
    assert both(found, "no (purchase|transaction)")
    assert found.code in {0, 65}


FEW = r"\b20\b[^.]*partition|partition[^.]*\b20\b"


@pytest.mark.parametrize(("spenders", "few"), [(19, True), (20, False), (21, False)])
def test_fewer_than_20_spenders_a_partition_are_said(tmp_path: Path, spenders: int, *, few: bool) -> None:
    found = read(folder(tmp_path / "shop", spelled(shoppers(spenders)), calls(5)), "--partitions", 1)
    assert both(found, FEW) == few


def test_who_has_few_spenders_is_told_of_fewer_partitions_and_not_of_the_cut_off(tmp_path: Path) -> None:
    found = read(folder(tmp_path / "shop", spelled(shoppers(40)), calls(5)), "--partitions", 8)
    assert both(found, FEW)
    assert "--partitions" in found.said
    found = read(folder(tmp_path / "fewer", spelled(shoppers(40)), calls(5)), "--partitions", 1)
    assert not both(found, FEW)


def test_purchasers_of_nothing_but_refunds_are_no_spenders(tmp_path: Path) -> None:
    events = [one | ({"kind": "refund"} if at % 20 == 19 else {}) for at, one in enumerate(shoppers(20))]
    found = read(folder(tmp_path / "shop", spelled(events), calls(5)), "--partitions", 1)
    assert both(found, FEW)
