"""`adapt csv --suggest`: what it proposes for files as people have them, and that it holds."""

import csv
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from streams.adapt.suggest import proposal, sheet
from streams.adapt.suggest.names import CONTACTS, PURCHASES
from streams.adapt.suggest.numbers import number_form
from streams.adapt.suggest.proposal import proposed
from streams.adapt.suggest.times import time_forms
from streams.files import InputError
from streams.mapping.config import parse
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import Draft, Mapped, Meta
from tests.adapt.spreadsheets import write_spreadsheets, write_survivors
from tests.lab.datasets import lines_of, run, write_dataset, write_rules

README = Path(__file__).parents[2] / "README.md"
ZONE = "Europe/Berlin"
START = datetime(2026, 3, 5, 9, 30, 7, tzinfo=ZoneInfo(ZONE))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("generated")
    write_dataset(directory)
    return directory


def commands_of_the_readme() -> list[list[str]]:
    """Return the commands of the five minutes, in words; what is behind > comes last."""
    section = README.read_text(encoding="utf-8").partition("## Your own data")[2].partition("```json")[0]
    lines = re.findall(r"^\$ \.venv/bin/retention-signals (.*)$", section, flags=re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.slow
def test_five_minutes_from_two_spreadsheets_to_the_report(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command as README has it; the alerts are those of what survives in the spreadsheets."""
    write_spreadsheets(data, tmp_path / "export")
    write_survivors(data, tmp_path / "survivors")
    rules = ("--ruleset", write_rules(tmp_path), "--partitions", 1)
    monkeypatch.chdir(tmp_path)
    suggest, adapt, check, replay = commands_of_the_readme()
    *suggest, redirected, mapping = suggest
    assert (redirected, check, replay[:2]) == (">", ["check", "events"], ["replay", "events"])
    suggested = run(*suggest)
    assert (suggested.code, suggested.err) == (0, "")
    assert "# DECIDE" not in suggested.out
    Path(mapping).write_text(suggested.out, encoding="utf-8")
    assert run(*adapt).code == 0
    assert run(*replay, "--alerts", "alerts.jsonl", *rules).code == 0
    assert run("replay", "survivors", "--alerts", "expected.jsonl", *rules).code == 0
    assert len(lines_of(Path("alerts.jsonl"))) > 2
    assert lines_of(Path("alerts.jsonl")) == lines_of(Path("expected.jsonl"))
    assert b"</html>" in Path("report.html").read_bytes()


def write(path: Path, rows: Iterable[Iterable[object]], separator: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def mapped(text: str, path: Path, separator: str = ",", currency: str = "USD") -> list[dict[str, Any]]:
    """Return the events that a proposed mapping makes of a file's rows, in their order."""
    mapping = Mapping(parse(text, folder=path.parent, name="proposed"), currency)
    events = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter=separator):
            for draft in mapping.map(path.stem, row, Meta()):
                if isinstance(draft, Draft):
                    finished, _ = mapping.finish(draft, None)
                    events += [json.loads(one.value) for one in finished if isinstance(one, Mapped)]
    return events


DATES = (
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%y, %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%d %b %Y %H:%M",
    "%b %d, %Y %I:%M:%S %p",
    "%Y/%m/%d %H:%M:%S.%f",
    "%Y-%m-%d",
    "%d-%b-%y",
    "epoch",
    "epoch ms",
)
AMOUNTS: tuple[tuple[str, str], ...] = (
    ("{:,.2f}", "USD"),
    ("${:,.2f}", "USD"),
    ("{:.2f} €", "EUR"),
    ("de:{} €", "EUR"),
    ("de:{}", "USD"),
    ("£{:.2f}", "GBP"),
    ("CHF {:.2f}", "CHF"),
    ("ch:{}", "USD"),
)


def time(form: str, moment: datetime) -> str:
    if form.startswith("epoch"):
        return str(int(moment.timestamp()) * (1000 if form == "epoch ms" else 1))
    return moment.strftime(form)


def what_is_left(form: str, moment: datetime) -> datetime:
    """Return the time that a form still tells, which may have lost seconds, or the time of day."""
    if form.startswith("epoch"):
        return moment
    left = datetime.strptime(moment.strftime(form), form)  # noqa: DTZ007 - the zone follows
    return left if left.tzinfo else left.replace(tzinfo=ZoneInfo(ZONE))


def amount(form: str, value: Decimal) -> str:
    point = f"{value:,.2f}"
    if form.startswith("de:"):
        return form[3:].format(point.translate(str.maketrans(",.", ".,")))
    return form[3:].format(point.replace(",", "'")) if form.startswith("ch:") else form.format(value)


@pytest.mark.parametrize("at", range(len(DATES)))
def test_whatever_the_form_of_times_and_amounts_the_events_are_the_same(at: int, tmp_path: Path) -> None:
    date, (form, currency) = DATES[at], AMOUNTS[at % len(AMOUNTS)]
    separator = ",;\t|"[at % 4]
    moments = [START + timedelta(days=3 * n, minutes=n) for n in range(12)]
    values = [Decimal(100 + 397 * n) / 100 * (-1) ** (n == 5) for n in range(12)]
    rows = [
        (f"o-{n}", f"c-{n % 4}", time(date, moment), amount(form, value))
        for n, (moment, value) in enumerate(zip(moments, values, strict=True))
    ]
    header = ("Order No", "Customer", "Date", "Total")
    path = write(tmp_path / "orders.csv", [header, *rows], separator)
    text = proposed(path, "USD", ZONE)
    events = mapped(text, path, separator, currency)
    assert [Decimal(one["amount"]) for one in events] == [abs(value) for value in values]
    assert {one["currency"] for one in events} == {currency}
    assert [n for n, one in enumerate(events) if one["kind"] == "refund"] == [5]
    times = [datetime.fromisoformat(one["time"]) for one in events]
    assert times == [what_is_left(date, moment) for moment in moments]
    assert ("CURRENCY=" in text.split("[source")[0]) == (currency != "USD")


ORDERS = ("Order No", "Customer", "Date", "Total")


def orders(*rows: tuple[object, ...], more: tuple[str, ...] = ()) -> list[tuple[object, ...]]:
    return [(*ORDERS, *more), *rows]


def propose(
    tmp_path: Path, rows: Sequence[tuple[object, ...]], name: str = "orders"
) -> tuple[str, list[dict[str, Any]]]:
    path = write(tmp_path / f"{name}.csv", rows)
    text = proposed(path, "USD", ZONE)
    return text, mapped(text, path)


def kinds(events: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["event_id"], f"{Decimal(one['amount']):.2f}") for one in events]


T = "2026-03-05 10:00"


def test_words_of_a_status_skip_orders_and_words_that_are_not_known_are_asked_about(tmp_path: Path) -> None:
    words = ("Completed", "Cancelled", "pending payment", "TEST", "Fehlgeschlagen", "teleported")
    rows = orders(*((n, "c", T, "5.00", word) for n, word in enumerate(words)), more=("Status",))
    text, events = propose(tmp_path, rows)
    assert kinds(events) == [("purchase", "0", "5.00"), ("purchase", "5", "5.00")]
    assert "# DECIDE: what do these words of Status mean? They count as purchases: teleported" in text


def test_refunds_in_rows_of_their_own(tmp_path: Path) -> None:
    rows = orders((1, "c", T, "5.00", "Sale"), (1, "c", T, "2.00", "Return"), more=("Type",))
    _, events = propose(tmp_path, rows)
    assert kinds(events) == [("purchase", "1", "5.00"), ("refund", "refund-1", "2.00")]


def test_orders_that_were_refunded_later_are_asked_about(tmp_path: Path) -> None:
    rows = orders((1, "c", T, "5.00", "paid"), (2, "c", T, "7.00", "refunded"), more=("Status",))
    text, events = propose(tmp_path, rows)
    assert kinds(events) == [
        ("purchase", "1", "5.00"),
        ("purchase", "2", "7.00"),
        ("refund", "returned-2", "7.00"),
    ]
    assert "# DECIDE: 1 rows that are refunded" in text


def test_a_column_that_tells_what_came_back_and_when(tmp_path: Path) -> None:
    more = ("Refunded amount", "Refunded at")
    rows = orders((1, "c", T, "5.00", "0.00", ""), (2, "c", T, "7.00", "3.00", "2026-03-09 12:00"), more=more)
    _, events = propose(tmp_path, rows)
    assert kinds(events) == [
        ("purchase", "1", "5.00"),
        ("purchase", "2", "7.00"),
        ("refund", "returned-2", "3.00"),
    ]
    assert (events[2]["time"], events[2]["original_time"]) == (
        "2026-03-09T11:00:00.000Z",
        "2026-03-05T09:00:00.000Z",
    )


def test_several_refunds_of_one_order_are_not_one(tmp_path: Path) -> None:
    rows = orders((1, "c", T, "9.00"), (1, "c", T, "(2.00)"), (1, "c", T, "(3.00)"))
    _, events = propose(tmp_path, rows)
    assert [one["kind"] for one in events] == ["purchase", "refund", "refund"]
    assert len({one["event_id"] for one in events}) == 3


def test_lines_that_repeat_the_amount_of_an_order_repeat_that_of_its_refund(tmp_path: Path) -> None:
    lines = [(n, "c", T, total, sku) for n in (1, 2) for total in ("9.00", "(9.00)") for sku in "ab"]
    text, events = propose(tmp_path, orders(*lines, more=("SKU",)))
    assert [one["event_id"] for one in events] == [
        *("1", "1", "refund-1", "refund-1", "2", "2", "refund-2", "refund-2")
    ]
    assert "# DECIDE: 2 ids of Order No have several refunds; all have one amount, so the first" in text
    lines = [(n, "c", T, total, sku) for n in (1, 2) for total in ("9.00", "(9.00)") for sku in "ab"]
    lines[0] = (1, "c", T, "8.00", "a")
    _, events = propose(tmp_path, orders(*lines, more=("SKU",)))
    assert [one["event_id"] for one in events if one["kind"] == "refund"] == [
        *("refund-1-a", "refund-1-b", "refund-2-a", "refund-2-b")
    ]


def test_what_came_back_of_a_line_has_the_id_of_the_line(tmp_path: Path) -> None:
    lines = [(1, "c", T, "9.00", "a", "refunded"), (1, "c", T, "4.00", "b", "refunded")]
    lines += [(2, "c", T, "4.00", "a", "paid")]
    _, events = propose(tmp_path, orders(*lines, more=("SKU", "Status")))
    assert [one["event_id"] for one in events if one["kind"] == "refund"] == ["returned-1-a", "returned-1-b"]


@pytest.mark.parametrize(("came_back", "ids"), [("2.00", ["returned-1"]), ("3.00", ["returned-1-a"])])
def test_what_came_back_of_an_order_may_stand_in_each_of_its_lines(
    came_back: str, ids: list[str], tmp_path: Path
) -> None:
    lines = [
        (1, "c", T, "9.00", "a", came_back),
        (1, "c", T, "4.00", "b", "2.00"),
        (2, "c", T, "1.00", "a", 0),
    ]
    text, events = propose(tmp_path, orders(*lines, more=("SKU", "Refunded amount")))
    assert next(one["event_id"] for one in events if one["kind"] == "refund") == ids[0]
    assert ("1 ids of Order No have several rows with one Refunded amount" in text) == (came_back == "2.00")


def test_lines_of_an_order_are_told_from_an_amount_that_each_line_repeats(tmp_path: Path) -> None:
    rows = orders((1, "c", T, "9.00", "a"), (1, "c", T, "2.00", "b"), (2, "c", T, "2.00", "a"), more=("SKU",))
    text, events = propose(tmp_path, rows)
    assert [one["event_id"] for one in events] == ["1-a", "1-b", "2-a"]
    assert "# DECIDE: 1 ids of Order No have several rows; each is taken for a line of the order" in text
    rows = orders((1, "c", T, "9.00", "a"), (1, "c", T, "9.00", "b"), (2, "c", T, "2.00", "a"), more=("SKU",))
    text, events = propose(tmp_path, rows)
    assert [one["event_id"] for one in events] == ["1", "1", "2"]
    assert "all have one amount" in text


def test_an_order_that_changes_is_followed(tmp_path: Path) -> None:
    rows = orders(
        (1, "c", T, "9.00", "2026-03-05 10:00"), (1, "c", T, "2.00", "2026-03-06 10:00"), more=("Updated at",)
    )
    text, _ = propose(tmp_path, rows)
    assert """follow = { by = '"Order No"', as = "total", time = '"Updated at"' }""" in text
    assert "DECIDE" in text
    assert "2 purchase" in text


def test_guests_are_skipped_and_an_id_with_many_rows_is_asked_about(tmp_path: Path) -> None:
    rows = orders(
        *((n, f"c-{n}" if n > 9 else "shop", T, "5.00") for n in range(40)), (41, "Guest", T, "1.00")
    )
    text, events = propose(tmp_path, rows)
    assert len(events) == 40
    assert "# DECIDE: one id has 24% of the rows" in text
    assert "shop" not in text


def test_ids_that_a_spreadsheet_made_numbers_of(tmp_path: Path) -> None:
    text, events = propose(tmp_path, orders((1, "77.0", T, "5.00"), (2, "104.0", T, "5.00")))
    assert [one["customer_id"] for one in events] == ["77", "104"]
    assert "# guess: the .0 of Customer" in text


def test_an_order_without_id_or_total(tmp_path: Path) -> None:
    rows = [("Kunde", "Datum", "Uhrzeit", "Einzelpreis", "Menge"), ("7", "05.03.2026", "10:00", "2.50", "3")]
    text, (event,) = propose(tmp_path, rows, "bestellungen")
    assert (event["amount"], event["time"]) == ("7.5", "2026-03-05T09:00:00.000Z")
    assert text.count("# DECIDE") == 2  # the id, the currency


def test_a_day_that_may_be_a_month_is_asked_about_unless_the_rows_tell(tmp_path: Path) -> None:
    either = orders((1, "c", "03/04/2026", "5.00"), (2, "c", "05/02/2026", "5.00"))
    text, events = propose(tmp_path, either)
    assert "# DECIDE: it can't be told" in text
    assert events[0]["time"] == "2026-04-02T22:00:00.000Z"  # as written in Berlin
    path = tmp_path / "orders.csv"
    (event, _) = mapped(proposed(path, "USD", "America/New_York"), path)
    assert event["time"] == "2026-03-04T05:00:00.000Z"
    by_order = orders(
        (1, "c", "03/04/2026", "5.00"), (2, "c", "04/01/2026", "5.00"), (3, "c", "04/02/2026", "1.00")
    )
    text, events = propose(tmp_path, by_order)
    assert "# guess: it can't be told" in text
    assert events[0]["time"] == "2026-03-03T23:00:00.000Z"


def test_without_a_zone_times_without_one_are_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", orders((1, "c", T, "5.00")))
    assert "# DECIDE: these times have no offset from UTC" in proposed(path, "USD")
    path = write(tmp_path / "orders.csv", orders((1, "c", "2026-03-05T10:00:00Z", "5.00")))
    assert "offset" not in proposed(path, "USD")
    assert "zone =" not in proposed(path, "USD")


CALLS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "english": (
        ("Call ID", "Client No", "Channel", "Call start", "Call end", "Wait time", "Transferred", "Resolved",
         "Hung up by", "Escalated", "CSAT", "Direction"),
        ("k-1", "c-7", "Phone", "2026-03-05 10:00", "2026-03-05 10:20", "3:05", "Yes", "No", "Caller", "Yes",
         "1", "Inbound"),
    ),
    "german": (
        ("Anrufnummer", "Kundennummer", "Kanal", "Beginn", "Ende", "Wartezeit (Sek)", "Weiterleitungen",
         "Ergebnis", "Beendet von", "Eskalation", "Zufriedenheit", "Richtung"),
        ("k-1", "c-7", "Telefon", "05.03.2026 10:00", "05.03.2026 10:20", "185,0", "1", "nicht gelöst",
         "Kunde", "ja", "1", "eingehend"),
    ),
    "french": (
        ("ID appel", "N° client", "Canal", "Début", "Fin", "Temps d'attente", "Transferts", "Résultat",
         "Terminé par", "Escalade", "Note", "Sens"),
        ("k-1", "c-7", "Appel", "05/03/2026 10:00", "05/03/2026 10:20", "00:03:05", "1", "Non résolu",
         "Appelant", "Oui", "1", "Entrant"),
    ),
    "spanish": (
        ("ID llamada", "ID cliente", "Canal", "Hora inicio", "Hora fin", "Tiempo de espera (min)",
         "Transferencias", "Resultado", "Finalizado por", "Escalado", "Encuesta", "Sentido"),
        ("k-1", "c-7", "Llamada", "2026-03-05T10:00:00", "2026-03-05T10:20:00", "3.08333333333", "1",
         "No resuelto", "Cliente", "Sí", "1", "Entrante"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", CALLS)
def test_a_call_is_understood_in_four_languages(language: str, tmp_path: Path) -> None:
    header, row = CALLS[language]
    text, (event,) = propose(tmp_path, [header, row], "contacts")
    assert round(event.pop("queue_seconds")) == 185
    assert event == {
        "type": "contact",
        "event_id": "k-1/1",
        "contact_id": "k-1",
        "version": 1,
        "customer_id": "c-7",
        "source": "contacts",
        "channel": "voice",
        "direction": "inbound",
        "time": "2026-03-05T09:20:00.000Z",
        "started_at": "2026-03-05T09:00:00.000Z",
        "ended_at": "2026-03-05T09:20:00.000Z",
        "transfers_cold": 1,
        "resolution": "unresolved",
        "ended_by": "customer",
        "escalation_requested": True,
        "csat": 1,
    }
    assert "1 contact" in text


def test_a_call_by_phone_number_waits_for_a_table(tmp_path: Path) -> None:
    rows = [("Call ID", "Caller", "Started", "Queue"), ("k", "+49 30 123456", T, "12")]
    text, events = propose(tmp_path, rows, "calls")
    assert events == []
    assert "# DECIDE: no column has a customer's id" in text
    assert "1 skipped: no customer" in text


def test_legs_of_a_call_are_put_together_if_that_is_right(tmp_path: Path) -> None:
    rows = [
        ("Call ID", "Customer", "Started", "Leg", "Queue"),
        ("k", "c", "2026-03-05 10:00", "1", "12"),
        ("k", "c", "2026-03-05 10:09", "2", "30"),
    ]
    text, _ = propose(tmp_path, rows, "calls")
    assert """follow = { by = '"Call ID"', as = "legs", time = "Started", part = "Leg" }""" in text
    assert "# DECIDE: 1 ids of Call ID have several rows" in text
    assert "2 contact" in text


def test_states_of_a_ticket_are_versions_if_that_is_right(tmp_path: Path) -> None:
    rows = [
        ("Ticket ID", "Customer", "Created", "Updated at", "Status"),
        ("k", "c", "2026-03-05 10:00", "03/15/2026 10:00", "Open"),
        ("k", "c", "2026-03-05 10:00", "03/16/2026 10:00", "Solved"),
    ]
    text, _ = propose(tmp_path, rows, "tickets")
    assert 'as = "snapshot"' in text
    assert 'time_form = "%m/%d/%Y %H:%M"' in text
    assert "2 contact" in text


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (("1", "5", ""), [1, 5, None]),
        (("0", "3", "5"), [None, 3, 5]),
        (("10", "7", "1"), [5, 4, 1]),
        (("sehr zufrieden", "schlecht", "n/a"), [5, 1, None]),
        (("5.0", "4.0", "N/A"), [5, 4, None]),
        (("80", "100", "20"), [None, None, None]),
    ],
)
def test_scores(scores: tuple[str, ...], expected: list[int | None], tmp_path: Path) -> None:
    rows = [(f"k{n}", "c", T, score) for n, score in enumerate(scores)]
    _, events = propose(tmp_path, [("Call ID", "Customer", "Date", "Survey"), *rows], "calls")
    assert [one.get("csat") for one in events] == expected


def test_ids_that_differ_between_files_are_told_without_showing_one(tmp_path: Path) -> None:
    write(tmp_path / "orders.csv", orders(*((n, f"{n:06}", T, "5.00") for n in range(1, 9))))
    calls = [(f"k{n}", str(n), T, "12") for n in range(1, 5)]
    write(tmp_path / "calls.csv", [("Call ID", "Customer", "Started", "Queue"), *calls])
    text = proposed(tmp_path, "USD", ZONE)
    assert "0% of the customers among the contacts" in text
    assert "it would be 100%" in " ".join(text.split())
    assert "000001" not in text


def test_addresses_that_stand_for_ids_are_read_and_compared(tmp_path: Path) -> None:
    rows = [("Order No", "E-Mail", "Date", "Total"), (1, "a@example.com", "2026-03-05 10:00", "5.00")]
    write(tmp_path / "orders.csv", rows)
    calls = [("Call ID", "Customer Email", "Date", "Outcome"), ("k", "A@Example.com", T, "Resolved")]
    write(tmp_path / "calls.csv", calls)
    text = proposed(tmp_path, "USD", ZONE)
    assert "Not read" not in text
    assert "# 100% of the customers among the contacts" in text
    calls = [("Call ID", "Customer ID", "Date", "Outcome"), ("k", "77", T, "Resolved")]
    write(tmp_path / "calls.csv", calls)
    assert "# DECIDE: 0% of the customers among the contacts" in proposed(tmp_path, "USD", ZONE)


def test_files_of_one_kind_become_one_source_and_others_are_left_out(tmp_path: Path) -> None:
    for year in (2025, 2026):
        write(tmp_path / f"orders-{year}.csv", orders((year, "c", f"{year}-03-05 10:00", "5.00")))
    write(tmp_path / "products.csv", [("SKU", "Colour"), ("a", "red")])
    text = proposed(tmp_path, "USD", ZONE)
    assert 'files = "orders-202*.csv"' in text
    assert "# products.csv is left out: no column tells whose it is" in text
    assert "2 purchase" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "Bestellnummer;Kunde;Datum;Summe\n1;Müller;05.03.2026;1,00\n".encode("cp1252"),
            "iconv -f WINDOWS-1252 -t UTF-8 DIR/orders.csv > utf8 && mv utf8 DIR/orders.csv",
        ),
        ("a,b\n1,2\n".encode("utf-16"), "iconv -f UTF-16"),
        (b"1,77,2026-03-05 10:00,5.00\n2,78,2026-03-05 10:00,5.00\n", "has no header"),
        (b"a,a\n1,2\n", "two columns have the same name"),
        (b"id,customer\n", "no rows below a header"),
        (b"Report of March\nid,customer\n1,2\n", "its first line has one column"),
        (b"id,colour\n1,red\n", "no column tells whose it is"),
        (b"", "no rows below a header"),
        (b"PK\x03\x04\xff\xfe", "Excel"),
    ],
)
def test_what_can_t_be_used_is_said_in_a_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(content)
    done = run("adapt", "csv", tmp_path, "--suggest")
    assert (done.code, done.out) == (65, "")
    assert said.replace("DIR", str(tmp_path)) in done.err
    assert "Traceback" not in done.err


POOLS = (
    *(
        ("7", "8", "guest"),
        ("c-1", "c-2", "c-3"),
        ("5.00", "-7.50", "1,042.00"),
        ("5,00 €", "(7,50 €)", "1.234"),
    ),
    *((T, "2026-04-01 09:30"), ("03/04/2026", "05/02/2026"), ("1772701200", "1772701300"), ("9:15", "10:00")),
    *(("Yes", "No", ""), ("paid", "refunded", "void", "??"), ("a@example.com", "b@example.com")),
    *(
        ("Jane Doe", "John Doe"),
        ("", ""),
        ("N/A", "3", "-"),
        ("+49 30 12345", "030 12345"),
        ("3:05", "0:03:05"),
    ),
    *(("'", '"', "\\", "\n", "\x7f", "\u202e", "\U0001f600"), ("٣", "²"), ("Phone", "Chat", "pigeon")),
)


@pytest.mark.parametrize("name", ["orders", "calls"])
def test_whatever_the_columns_hold_a_proposal_loads_or_a_sentence_says_what_is_missing(
    name: str, tmp_path: Path
) -> None:
    known = sorted(
        {" ".join(words) for kind in (PURCHASES, CONTACTS) for several in kind.values() for words in several}
    )
    drawn = Random(name)
    loaded = 0
    for at in range(40):
        header = [*dict.fromkeys((*drawn.sample(known, 8), "customer id", "order date", "total"))]
        pools = [drawn.choice(POOLS) for _ in header[3:]] + [POOLS[1], POOLS[4], POOLS[2]]
        rows = [[drawn.choice(pool) for pool in pools] for _ in range(drawn.randrange(1, 12))]
        path = write(tmp_path / f"{at}" / f"{name}.csv", [header[: len(pools)], *rows], drawn.choice(",;\t|"))
        try:
            text = proposed(path.parent, "USD", drawn.choice([None, ZONE]))
        except InputError as error:
            assert "no column tells" in str(error)  # noqa: PT017 - one or the other
        else:
            loaded += bool(parse(text, folder=tmp_path, name="proposed"))
    assert loaded > 20


def test_words_at_the_end_of_a_long_file_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "SAMPLE", 5)
    words = [*(["paid"] * 20), "pending"]
    text, events = propose(
        tmp_path, orders(*((n, "c", T, "5.00", one) for n, one in enumerate(words)), more=("Status",))
    )
    assert len(events) == 20
    assert "10 rows looked at" in text


def test_a_zone_that_is_none_is_said(tmp_path: Path) -> None:
    write(tmp_path / "orders.csv", orders((1, "c", T, "5.00")))
    done = run("adapt", "csv", tmp_path, "--suggest", "--zone", "Mars/Olympus")
    assert (done.code, done.out) == (78, "")
    assert "no such time zone" in done.err


def test_names_are_no_ids(tmp_path: Path) -> None:
    text, _ = propose(tmp_path, orders((1, "Jane Doe", T, "5.00"), (2, "Doe, John", T, "5.00")))
    assert "# DECIDE: Customer looks like names" in text


def test_three_digits_after_a_point_may_be_thousands(tmp_path: Path) -> None:
    text, (event, _) = propose(tmp_path, orders((1, "c", T, "1.234"), (2, "c", T, "2.500")))
    assert "# DECIDE: is what separates three digits of Total for places, as is taken here, or for th" in text
    assert event["amount"] == "1.234"
    text, (event, _) = propose(tmp_path, orders((1, "c", T, "1,234"), (2, "c", T, "2,500")))
    assert "# DECIDE: is what separates three digits of Total for thousands, as is taken here, or" in text
    assert event["amount"] == "1234"
    text, (event, _) = propose(tmp_path, orders((1, "c", "05.03.2026", "1.234"), (2, "c", "15.03.2026", "7")))
    assert "# DECIDE: is what separates three digits of Total for thousands, as is taken here, or" in text
    assert event["amount"] == "1234"
    text, _ = propose(tmp_path, orders((1, "c", T, "1,234"), (2, "c", T, "2.500")))
    assert "# DECIDE: some values of Total have a point before their places, others a comma" in text


@pytest.mark.parametrize(
    ("rows", "amounts", "said"),
    [
        ((("3,000", "2,50"), ("0,350", "2,00")), ("7.5", "0.7"), None),
        (
            (("3,000", "2,50"), ("1,500", "2,00")),
            ("7.5", "3"),
            "guess: .* Quantity is for places, as",
        ),
        (
            (("52,77", "1,600"), ("10,00", "1,799")),
            ("84.432", "17.99"),
            "guess: .* Unit Price is for places",
        ),
        ((("3,000", "2.50"), ("1,500", "2.00")), ("7500", "3000"), "guess: .* Quantity is for thousands, as"),
        ((("3,000", "2"), ("1,500", "4")), ("6000", "6000"), "DECIDE: is .* Quantity for thousands, as is"),
    ],
)
def test_other_columns_tell_what_a_quantity_or_a_price_leaves_open(
    rows: tuple[tuple[str, str], ...], amounts: tuple[str, ...], said: str | None, tmp_path: Path
) -> None:
    text, events = propose(
        tmp_path, [(*SOLD, "Unit Price"), *((n, "c", T, *one) for n, one in enumerate(rows))]
    )
    assert [Decimal(one["amount"]) for one in events] == [*map(Decimal, amounts)]
    assert ("three digits" in text) == (said is not None)
    assert said is None or re.search(said, text)


def test_nothing_there_is_said_too(tmp_path: Path) -> None:
    assert run("adapt", "csv", tmp_path, "--suggest").code == 66
    assert run("adapt", "csv", tmp_path / "none.csv", "--suggest").code == 66


def test_names_and_words_with_quotes_and_other_signs_still_load(tmp_path: Path) -> None:
    header = ("Order #", 'Customer "No."', "Order\tDate", "Total (incl. 'tax')", '"Status\\"')
    words = ("'cancelled'", '"cancelled"', "\\paid\\", 'it\'s "gone"\n')
    text, events = propose(tmp_path, [header, *((n, "c", T, "5.00", word) for n, word in enumerate(words))])
    assert [one["event_id"] for one in events] == ["2", "3"]
    assert "They count as purchases: it's" in text


def test_times_and_numbers_that_are_none() -> None:
    assert time_forms(["2026-03-05", "never"]) == []
    assert time_forms(["12", "13"]) == []
    assert time_forms([]) == []
    assert number_form(["12 of 14"]) is None
    assert number_form(["red"]) is None


SOLD = ("Order No", "Customer", "Date", "Quantity")


@pytest.mark.parametrize(
    ("price", "asked"),
    [
        ("Price", True),
        ("Price (EUR)", True),
        ("Unit Price", False),
        ("UnitPrice", False),
        ("Einzelpreis", False),
    ],
)
def test_a_price_beside_a_quantity_is_multiplied_and_a_quantity_below_0_is_a_refund(
    price: str, asked: bool, tmp_path: Path
) -> None:
    rows = [(*SOLD, price), (1, "c", T, 3, "2.50"), (2, "c", T, -2, "2.50"), (3, "c", T, 1, "4.00")]
    text, events = propose(tmp_path, rows)
    assert kinds(events) == [
        ("purchase", "1", "7.50"),
        ("refund", "refund-2", "5.00"),
        ("purchase", "3", "4.00"),
    ]
    assert (f"# DECIDE: {price} is taken for the price of one piece" in text) == asked
    assert ("# guess: no column has the whole amount, so it is price times quantity" in text) != asked


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        (("1.234,50", "2,50", "2,00"), None),
        (("€ 1.234,50", "€ 2,50", "€ 2,00"), None),
        (("1,234.50", "2.50", "2.00"), None),
        (("1'234.50", "2.50", "2.00"), None),
        (("1 234,50", "2,50", "2,00"), None),
        (("1234,50", "2.50", "2,00"), "which is right?"),
    ],
)
def test_a_price_however_it_is_written_is_multiplied(
    prices: tuple[str, ...], said: str | None, tmp_path: Path
) -> None:
    rows = [(*SOLD, "Unit Price"), *((n, "c", T, f"{n + 1}", one) for n, one in enumerate(prices))]
    path = write(tmp_path / "orders.csv", rows)
    text = proposed(path, "USD", ZONE)
    events = mapped(text, path, currency="EUR" if "€" in prices[0] else "USD")
    if said is None:
        assert [Decimal(one["amount"]) for one in events] == [Decimal("1234.50"), 5, 6]
    else:
        assert [one["amount"] for one in events] == ["5"]
        assert said in text
        assert "2 refused: " in text


def test_a_price_of_the_whole_row_is_not_multiplied(tmp_path: Path) -> None:
    rows = [
        (*SOLD, "Total Price", "Unit Price"),
        (1, "c", T, 3, "7.50", "2.50"),
        (2, "c", T, -1, "2.50", "2.50"),
    ]
    _, events = propose(tmp_path, rows)
    assert kinds(events) == [("purchase", "1", "7.50"), ("refund", "refund-2", "2.50")]


def test_rows_whose_price_and_quantity_are_below_0_are_asked_about(tmp_path: Path) -> None:
    rows = [(*SOLD, "Price"), (1, "c", T, 3, "2.50"), (2, "c", T, -1, "-2.50"), (3, "c", T, "-", "1.00")]
    text, events = propose(tmp_path, rows)
    assert [one["kind"] for one in events] == ["purchase", "refund"]
    assert "# DECIDE: of some rows Price and Quantity are below 0; they are taken for refunds" in text


def test_orders_are_never_taken_for_contacts_unasked(tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", [(*SOLD, "Unit Price"), (1, "c", T, 3, "2.50")])
    assert "purchases. 5 columns" in proposed(path, "USD", ZONE)
    for lacking, said in (
        ((*SOLD, "Status"), "an amount"),
        ((*SOLD[:3], "Unit Price"), "how many were bought at a unit price"),
    ):
        row = (1, "c", T, "3", "paid")[: len(lacking)]
        with pytest.raises(InputError, match=said):
            proposed(write(path, [lacking, row]), "USD", ZONE)
    calls = [("Order No", "Customer", "Date", "Queue", "Hold time", "Direction"), (1, "c", T, 5, 6, "in")]
    assert "# DECIDE: its name is that of purchases" in proposed(write(path, calls), "USD", ZONE)


def test_rows_that_are_mostly_refunds_are_asked_about(tmp_path: Path) -> None:
    text, _ = propose(tmp_path, orders((1, "c", T, "-5.00"), (2, "c", T, "-5.00"), (3, "c", T, "5.00")))
    assert "# DECIDE: 67% of the rows are taken for refunds" in text


@pytest.mark.parametrize(
    ("values", "amounts"),
    [
        (("CHF 25.-", "CHF 1'200.--", "CHF -3.50", "CHF 4.–"), ("25.00", "1200.00", "3.50", "4.00")),
        (("25,- €", "1.200,- €", "-3,- €", "4,75 €"), ("25.00", "1200.00", "3.00", "4.75")),
    ],
)
def test_a_dash_in_place_of_cents_is_no_sign(
    values: tuple[str, ...], amounts: tuple[str, ...], tmp_path: Path
) -> None:
    path = write(tmp_path / "orders.csv", orders(*((n, "c", T, one) for n, one in enumerate(values))))
    currency = "CHF" if "CHF" in values[0] else "EUR"
    text = proposed(path, currency, ZONE)
    events = mapped(text, path, currency=currency)
    assert [f"{Decimal(one['amount']):.2f}" for one in events] == [*amounts]
    assert [one["kind"] for one in events] == ["purchase", "purchase", "refund", "purchase"]
    assert "# guess: 1 of 4 rows are taken for refunds" in text
    sold = [(*SOLD, "Unit Price"), *((n, "c", T, 2, one) for n, one in enumerate(values))]
    events = mapped(proposed(write(path, sold), currency, ZONE), path, currency=currency)
    assert [Decimal(one["amount"]) for one in events] == [2 * Decimal(one) for one in amounts]


def test_prices_that_have_a_dash_for_cents_are_not_taken_for_cents(tmp_path: Path) -> None:
    text, _ = propose(tmp_path, orders(*((n, "c", T, f"{n}.-") for n in range(1, 15))))
    assert "no amount has places" not in text
    assert "refund" not in text


LINES = ("Order No", "Customer", "Date", "Total", "Item")


def test_lines_of_one_amount_are_told_apart_by_what_they_are_of(tmp_path: Path) -> None:
    rows = [LINES, (1, "c", T, "9.99", "tea"), (1, "c", T, "9.99", "cup"), (2, "c", T, "9.99", "tea")]
    rows += [(2, "c", T, "4.50", "cup")]
    text, events = propose(tmp_path, rows)
    assert [one["event_id"] for one in events] == ["1-tea", "1-cup", "2-tea", "2-cup"]
    assert "DECIDE: 2 ids" in text
    assert "tells them apart" not in text


def test_as_many_columns_tell_lines_apart_as_it_takes_but_none_that_changes(tmp_path: Path) -> None:
    header = (*LINES[:4], "Status", "Bin", "Note")
    rows = [header, (1, "c", T, "9.99", "paid", "a", "x" * 61), (1, "c", T, "9.99", "sold", "b", "y")]
    rows += [(1, "c", T, "4.50", "paid", "a", "y")]
    _, events = propose(tmp_path, rows)
    assert [one["event_id"] for one in events] == ["1-9.99-a", "1-9.99-b", "1-4.50-a"]


def test_lines_that_nothing_tells_apart_are_told_by_their_place_if_that_is_right(tmp_path: Path) -> None:
    rows = [LINES, *([(1, "c", T, "9.99", "tea")] * 2), (1, "c", T, "4.50", "cup")]
    path = write(tmp_path / "orders.csv", rows)
    text = proposed(path, "USD", ZONE)
    assert "# DECIDE: 1 rows have the id of another row, for no column tells them apart" in text
    text = text.replace(", Item])", ", Item, record.topic, text(record.offset)])")
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    for out in ("one", "two"):
        done = run("adapt", "csv", path, tmp_path / out, "--mapping", tmp_path / "m.toml")
        assert done.code == 0, done
        assert "with an id" not in done.out
    one, two = ((tmp_path / out / "transactions.jsonl").read_bytes() for out in ("one", "two"))
    assert one == two
    assert b'"1-tea-orders.csv-2"' in one


def test_rows_without_an_id_are_told_apart_by_more_than_their_amount(tmp_path: Path) -> None:
    rows = [("Customer", "Date", "Total", "Item"), ("c", T, "9.99", "tea"), ("c", T, "9.99", "cup")]
    _, events = propose(tmp_path, rows)
    assert [one["event_id"] for one in events] == [f"c-{T}-9.99-tea", f"c-{T}-9.99-cup"]


def test_the_mark_of_a_credit_makes_a_refund(tmp_path: Path) -> None:
    text, events = propose(
        tmp_path, orders((1, "c", T, "28.99 CR"), (2, "c", T, "5.00 DR"), (3, "c", T, "7.00"))
    )
    assert kinds(events) == [
        ("refund", "refund-1", "28.99"),
        ("purchase", "2", "5.00"),
        ("purchase", "3", "7.00"),
    ]
    assert "# DECIDE: CR beside an amount is taken for a credit: a refund. Is it?" in text


def test_a_credit_that_can_not_be_told_from_another_mark_is_refused(tmp_path: Path) -> None:
    text, events = propose(
        tmp_path, orders((1, "c", T, "28.99 CR"), (2, "c", T, "5.00 CRX"), (3, "c", T, "7.00"))
    )
    assert events == []
    assert "Rows that have them are refused: CR." in text


def test_a_mark_of_no_one_currency_is_refused_until_somebody_says_which(tmp_path: Path) -> None:
    rows = orders((1, "c", T, "€ 9.99"), (2, "c", T, "kr 99.50"), (3, "c", T, "12.40"))
    path = write(tmp_path / "orders.csv", rows)
    text = proposed(path, "EUR", ZONE)
    assert kinds(mapped(text, path, currency="EUR")) == [("purchase", "1", "9.99")]
    assert (
        "# DECIDE: what do these marks beside amounts of Total mean? Rows that have them are refused: kr."
        in text
    )
    assert "# DECIDE: some amounts have no mark of a currency, and are refused." in text
    said = text.replace("currency = ", "currency = [").replace("'EUR'\"", '\'EUR\'", { value = "EUR" }]')
    assert kinds(mapped(said, path, currency="EUR")) == [
        ("purchase", "1", "9.99"),
        ("purchase", "3", "12.40"),
    ]


@pytest.mark.parametrize(("reporting", "count"), [("SEK", 2), ("EUR", 0)])
def test_a_mark_of_several_currencies_is_yours_if_yours_is_one(
    reporting: str, count: int, tmp_path: Path
) -> None:
    path = write(tmp_path / "orders.csv", orders((1, "c", T, "kr 9.99"), (2, "c", T, "5.00 kr")))
    text = proposed(path, reporting, ZONE)
    assert len(mapped(text, path, currency=reporting)) == count
    assert ("# guess: kr is SEK" in text) == bool(count)


@pytest.mark.parametrize(
    ("reporting", "sign", "currency"),
    [
        ("CAD", "$", "CAD"),
        ("CNY", "¥", "CNY"),
        ("JPY", "¥", "JPY"),
        ("EUR", "$", "USD"),
        ("CAD", "US$", "USD"),
    ],
)
def test_the_dollar_is_yours_if_yours_is_one(
    reporting: str, sign: str, currency: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "orders.csv", orders((1, "c", T, f"{sign}9.99"), (2, "c", T, f"{sign}5.00")))
    text = proposed(path, reporting, ZONE)
    assert f"# guess: {sign} is {currency}" in text
    assert {one["currency"] for one in mapped(text, path, currency=currency)} == {currency}


def test_a_sign_of_an_unknown_currency_is_not_yours(tmp_path: Path) -> None:
    text, events = propose(tmp_path, orders((1, "c", T, "₱9.99"), (2, "c", T, "5.00")))
    assert kinds(events) == [("purchase", "2", "5.00")]
    assert "Rows that have them are refused: ₱." in text


def test_a_column_tells_the_currency_of_marks(tmp_path: Path) -> None:
    rows = orders((1, "c", T, "kr 9.99", "USD"), (2, "c", T, "₱5.00", "USD"), more=("Currency",))
    _, events = propose(tmp_path, rows)
    assert kinds(events) == [("purchase", "1", "9.99"), ("purchase", "2", "5.00")]


def test_words_of_all_files_of_one_kind_are_seen(tmp_path: Path) -> None:
    for month, word in ((2, "paid"), (3, "cancelled")):
        rows = orders(*((f"{month}-{n}", "c", T, "5.00", word) for n in range(3)), more=("Status",))
        write(tmp_path / f"orders-{month}.csv", rows)
    text = proposed(tmp_path, "USD", ZONE)
    assert "orders-2.csv and 1 more like it: purchases. 5 columns (comma), 6 rows looked at." in text
    assert "3 skipped: cancelled order" in text


def test_of_many_files_fewer_rows_each_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposal, "SAMPLE", 10)
    for month in range(10):
        write(tmp_path / f"orders-{month}.csv", orders(*((n, "c", T, "5.00") for n in range(9))))
    assert "40 rows looked at" in proposed(tmp_path, "USD", ZONE)


def test_exports_of_other_columns_that_overlap_are_asked_about(tmp_path: Path) -> None:
    write(tmp_path / "orders-1.csv", orders((1, "c", T, "5.00"), (2, "c", T, "5.00")))
    rows = orders((2, "c", T, "5.00", "x"), (3, "c", T, "5.00", "x"), more=("Note",))
    write(tmp_path / "orders-2.csv", rows)
    assert "# DECIDE: 1 ids of orders-1.csv are in orders-2.csv too, and count" in proposed(
        tmp_path, "USD", ZONE
    )
    write(tmp_path / "orders-2.csv", orders(*rows[2:], more=("Note",)))
    assert "count twice" not in proposed(tmp_path, "USD", ZONE)


@pytest.mark.parametrize("other", [("05.03.2026 10:00", "5.00"), (T, "five")])
def test_files_that_write_a_column_in_another_form_are_sources_of_their_own(
    other: tuple[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "orders-1.csv", orders((1, "c", T, "5.00")))
    write(tmp_path / "orders-2.csv", orders((2, "c", *other)))
    text = proposed(tmp_path, "USD", ZONE)
    assert 'files = "orders-1.csv"' in text
    assert "Tried on the first 1 rows of orders-1.csv: 1 purchase." in text
    assert ('files = "orders-2.csv"' in text) != ("orders-2.csv is left out" in text)


def test_ids_that_a_spreadsheet_rounded_are_asked_about(tmp_path: Path) -> None:
    text, _ = propose(tmp_path, orders((1, "4.90123E+12", T, "5.00"), ("4,9E+12", "7", T, "5.00")))
    assert text.count("# DECIDE: a spreadsheet has rounded ids") == 2
    calls = [("Call ID", "Customer", "Started", "Queue"), ("1.2E+10", "c", T, "12")]
    assert "rounded ids of Call ID" in propose(tmp_path, calls, "calls")[0]


def test_cents_of_a_currency_that_has_none_are_asked_about(tmp_path: Path) -> None:
    rows = [("Order No", "Customer", "Date", "Amount cents", "Currency"), (1, "c", T, "500", "JPY")]
    text, _ = propose(tmp_path, rows)
    assert "# DECIDE: amounts in JPY are divided by 100, as all" in text


def test_the_line_that_tells_excel_the_separator_is_no_header(tmp_path: Path) -> None:
    text = "\ufeffsep=;\r\nOrder No;Customer;Date;Total\r\n" + f"1;c;{T};5,00\r\n"
    (tmp_path / "orders.csv").write_text(text, encoding="utf-8", newline="")
    assert "Tried on the first 1 rows of orders.csv: 1 purchase." in proposed(tmp_path, "USD", ZONE)


def test_line_ends_of_an_old_mac_are_read(tmp_path: Path) -> None:
    text = f"Order No;Customer;Date;Total\r1;c;{T};5.00\r2;c;{T};6.00\r"
    (tmp_path / "orders.csv").write_text(text, encoding="utf-8", newline="")
    assert "Tried on the first 2 rows of orders.csv: 2 purchase." in proposed(tmp_path, "USD", ZONE)


def test_rows_behind_a_stray_quote_are_looked_at(tmp_path: Path) -> None:
    lines = [f"{n},c{n % 3},2026-03-05 10:{n:02},Tea,{n}.50" for n in range(10, 40)]
    lines[5] = lines[5].replace("Tea", '"Tea 5')
    lines[20] = lines[20].replace("Tea", 'Tea 5"')
    text = "\n".join(["Order No,Customer,Date,Product,Total", *lines])
    (tmp_path / "orders.csv").write_text(text, encoding="utf-8")
    text = " ".join(proposed(tmp_path, "USD", ZONE).replace("\n#", "").split())
    assert "30 rows looked at; 1 of them are refused: another number of columns, or a quote out of pl" in text


def test_directories_in_a_directory_are_named(tmp_path: Path) -> None:
    write(tmp_path / "orders.csv", orders((1, "c", T, "5.00")))
    write(tmp_path / "2025" / "orders.csv", orders((1, "c", T, "5.00")))
    assert "# Not read, for they are directories: 2025." in proposed(tmp_path, "USD", ZONE)


@pytest.mark.parametrize("further", ["", "1"])
def test_further_lines_of_an_order_that_have_no_total_are_skipped(further: str, tmp_path: Path) -> None:
    rows = orders((1, "c", T, "9.00"), (further, "c", T, ""), (further, "c", T, ""), (2, "c", T, "5.00"))
    text, events = propose(tmp_path, rows)
    assert kinds(events) == [("purchase", "1", "9.00"), ("purchase", "2", "5.00")]
    assert "2 skipped: further line of an order" in text
    assert "DECIDE: 1 ids" not in text
