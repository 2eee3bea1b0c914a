"""A healthy feed is good in all ten questions, and what can be wrong is told by its question."""

from collections import Counter
from random import Random

import pytest

from schemas.events import Transaction
from schemas.partitioner import Routes
from schemas.times import format_ms, parse_ms
from streams.check.answer import Verdict, percent, span
from streams.check.questions import duplicates
from streams.check.questions.duplicates import Duplicates
from streams.check.questions.ids import FORMS
from streams.check.questions.lateness import Lateness
from streams.check.seen import Seen
from streams.check.show import as_json
from streams.core.time import DAY_MS, HOUR_MS, MINUTE_MS
from streams.core.watermark import Input
from tests.check.feed import (
    NOW,
    START,
    Change,
    Feed,
    asked,
    at,
    contact,
    encoded,
    every,
    healthy,
    purchase,
    with_ids,
)

pytestmark = pytest.mark.slow

TX, CT = Input.TRANSACTIONS, Input.CONTACTS
GOOD, LOOK, BAD = Verdict.GOOD, Verdict.LOOK, Verdict.BAD


def test_a_healthy_feed_is_good_in_all() -> None:
    answers = asked(encoded(healthy()))
    assert [one.verdict for one in answers] == [GOOD] * 10
    assert answers[6].figure == "36 of 147 who bought: 24.5 %"
    assert answers[1].figure.startswith("100 % of contacts are of customers with purchases; ")


def _without_surveys(feed: Feed) -> None:
    every(feed, CT, csat=None)


def _nothing_but_ids(feed: Feed) -> None:
    sent = {"type", "event_id", "customer_id", "time", "source", "contact_id", "version", "channel"}
    for line in feed[CT]:
        for name in line.keys() - sent:
            del line[name]


def _always_complaints(feed: Feed) -> None:
    every(feed, CT, complaint=True)


def _no_contacts(feed: Feed) -> None:
    feed[CT].clear()


def _prefixed(feed: Feed) -> None:
    with_ids(feed, lambda one: "CUST_" + one.removeprefix("zq-"))


def _upper(feed: Feed) -> None:
    with_ids(feed, str.upper, feed[CT][:4])


def _others(feed: Feed) -> None:
    with_ids(feed, lambda one: "x" + one[::-1])


def _minutes_late(feed: Feed) -> None:
    lines = feed[TX]
    for number in range(10, len(lines), 10):
        lines[number]["time"] = format_ms(parse_ms(lines[number - 1]["time"]) - 8 * MINUTE_MS)


def _out_of_order(feed: Feed) -> None:
    lines = feed[TX]
    for number in range(0, len(lines), 10):
        lines.insert(number + 8, lines.pop(number))


def _nine_days_late(feed: Feed) -> None:
    at(feed, TX, lambda number, time: time if number % 20 else time - 9 * DAY_MS)


def _changed_under_the_same_id(feed: Feed) -> None:
    feed[TX][50:50] = [feed[TX][49] | {"amount": "1.00"}]


def _again_after_nine_days(feed: Feed) -> None:
    first = feed[TX][0]
    later = next(n for n, line in enumerate(feed[TX]) if parse_ms(line["time"]) > START + 10 * DAY_MS)
    feed[TX].insert(later, first | {"time": feed[TX][later]["time"]})


def _no_rate(feed: Feed) -> None:
    for line in feed[TX][::10]:
        line["currency"] = "EUR"


def _a_day_is_missing(feed: Feed) -> None:
    feed[TX] = [line for line in feed[TX] if not line["time"].startswith("2024-05-08")]


def _guest(feed: Feed) -> None:
    end = max(parse_ms(line["time"]) for line in feed[TX])
    lines = [
        purchase("guest", end - one * HOUR_MS, f"g{one}-{two}") for one in range(400) for two in range(3)
    ]
    feed[TX] = sorted(feed[TX] + lines, key=lambda line: str(line["time"]))


def _dates(feed: Feed) -> None:
    at(feed, TX, lambda _number, time: time // DAY_MS * DAY_MS)


def _whole_hours(feed: Feed) -> None:
    for line in feed[TX]:
        line["time"] = f"{line['time'][:13]}:00+00:00"


def _ahead(feed: Feed) -> None:
    feed[CT].append(contact("zq-1000", NOW + HOUR_MS, "f"))


def _summer_time_lost(feed: Feed) -> None:
    sundays = [parse_ms("2024-03-03T02:00:00Z") + week * 7 * DAY_MS for week in range(9)]
    skipped = parse_ms("2024-03-31T02:00:00Z")
    lines = [
        purchase("zq-1001", sunday + one * MINUTE_MS + 1, f"{sunday}-{one}")
        for sunday in sundays
        if sunday != skipped
        for one in range(9)
    ]
    feed[TX] = sorted(feed[TX] + lines, key=lambda line: str(line["time"]))


def _float_amounts(feed: Feed) -> None:
    for line in feed[TX][::10]:
        line["amount"] = 20.5


@pytest.mark.parametrize(
    ("number", "wrong", "verdict", "told"),
    [
        (1, _without_surveys, LOOK, "surveys"),
        (1, _nothing_but_ids, BAD, "resolution"),
        (1, _always_complaints, LOOK, "complaint: true of nearly every"),
        (1, _no_contacts, BAD, "nothing opens an episode"),
        (2, _prefixed, BAD, "74 ids of contacts would match but for a prefix"),
        (2, _upper, LOOK, "4 ids of contacts would match but for upper and lower case"),
        (2, _others, BAD, "Map the ids"),
        (2, _no_contacts, BAD, "Send contacts"),
        (3, _minutes_late, LOOK, "allowed_lateness_seconds = 900 "),
        (3, _out_of_order, LOOK, "settle_hours = 24"),
        (3, _nine_days_late, BAD, "in the order of their time"),
        (4, _changed_under_the_same_id, LOOK, "(1 case)"),
        (4, _again_after_nine_days, LOOK, "send a correction"),
        (5, _no_rate, BAD, "exchange_rate (USD for one unit) to 294 events"),
        (6, _a_day_is_missing, LOOK, "what happened then"),
        (8, _guest, BAD, "the customer's own id"),
        (9, _dates, LOOK, "source shop of transactions has dates alone"),
        (9, _whole_hours, LOOK, "source shop of transactions has whole hours"),
        (9, _ahead, LOOK, "1 event lies ahead"),
        (9, _summer_time_lost, LOOK, "State the zone"),
        (10, _float_amounts, BAD, "docs/forms.md"),
        (10, _ahead, BAD, "Mend the clock"),
    ],
)
def test_what_is_wrong_is_told_by_its_question(
    number: int, wrong: Change, verdict: Verdict, told: str
) -> None:
    feed = healthy()
    wrong(feed)
    answers = asked(encoded(feed))
    answer = answers[number - 1]
    assert (answer.verdict, told in answer.advice) == (verdict, True), answer
    shown = as_json(answers, Counter(), sampled=False)
    assert not any(line["customer_id"] in shown for line in feed[TX])


def test_a_short_history_and_many_partitions_judge_nobody() -> None:
    short = asked(encoded(healthy(weeks=9)))[6]
    assert short.verdict is BAD
    assert "12 weeks" in short.advice
    spread = asked(encoded(healthy()), partitions=12)[6]
    assert spread.verdict is BAD
    assert "12 of 12 have fewer than 20 buyers" in spread.advice


def test_a_guard_that_has_too_little_to_go_by_is_told_by_partition() -> None:
    """21 purchases a day are enough for one partition, not two; a sample can't tell how many there are."""
    lines = encoded(healthy())
    one, two, sample = (
        asked(lines, partitions=1)[5],
        asked(lines, partitions=2)[5],
        asked(lines, partitions=2, sampled=True)[5],
    )
    assert [one.verdict, two.verdict, sample.verdict] == [GOOD, LOOK, GOOD]
    assert two.figure.endswith("0 broken hours; it is off in 2 of 2 partitions")
    assert two.advice.startswith("Where fewer than 20 purchases a day are usual")
    assert "off" not in one.figure + sample.figure
    young = [line for line in healthy()[TX] if line["time"] < "2024-01-22"]
    young_answer = asked(encoded(healthy() | {TX: young}), partitions=1)[5]
    assert young_answer.verdict is GOOD, "the weeks are judged that are there"
    few = [line for at, line in enumerate(healthy()[TX]) if at % 2]
    alone = asked(encoded(healthy() | {TX: few}), partitions=1)[5]
    assert alone.advice.endswith("an outage looks like silence: look twice at what is raised after one.")


def test_an_hour_is_broken_if_it_is_in_any_partition() -> None:
    """The customers of one partition of four buy nothing for a day; of all together three quarters go on."""
    feed, routes = healthy(), Routes(4)
    feed[TX] = [
        line | {"event_id": f"{line['event_id']}-{one}"}
        for line in feed[TX]
        for one in range(6)
        if routes[line["customer_id"]] or not line["time"].startswith("2024-05-08")
    ]
    together, apart = (asked(encoded(feed), partitions=partitions)[5].figure for partitions in (1, 4))
    assert "counts 0 broken hours" in together
    assert "counts 0 broken hours" not in apart


def test_a_sample_is_never_bad_for_what_it_lacks() -> None:
    feed = healthy(weeks=9)
    _others(feed)
    answers = asked(encoded(feed), sampled=True)
    assert [answers[at].verdict for at in (1, 6)] == [LOOK, LOOK]
    assert all("--all" in answers[at].advice for at in (1, 6))


def test_nothing_at_all_is_bad_and_fails_nowhere() -> None:
    answers = asked({})
    assert answers[0].verdict is answers[9].verdict is BAD
    assert len(answers) == 10


def test_bytes_of_any_kind_are_counted() -> None:
    answers = asked({TX: [b"\xff\x00", b"[]", b"{", b"null"], CT: [b'{"type":"contact"}']})
    assert answers[9].figure.startswith("5 of 5: 100 %")


def test_lateness_is_within_a_few_percent_of_what_it_is() -> None:
    rng = Random(1)
    behind = sorted(int(10 ** rng.uniform(0, 8)) for _ in range(5_000))
    lateness = Lateness(5_000)
    for one in rng.sample(behind, len(behind)):
        event = Transaction("c", "s", "e", START - one, "purchase", 1, None)
        lateness.take(Seen(TX, 0, event, {}, START, late=one >= 5_000))
    (detail,) = lateness.answer().details
    for name, part in {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}.items():
        exact = behind[round(part * len(behind)) - 1] / 1_000
        assert detail[f"{name} seconds"] == pytest.approx(exact, rel=0.02)
    assert detail["max seconds"] == behind[-1] / 1_000
    assert detail["late share"] == sum(one >= 5_000 for one in behind) / len(behind)


@pytest.mark.parametrize(("again", "verdict"), [(1, GOOD), (30, LOOK)])
def test_lines_of_an_order_with_one_id_are_not_said_to_do_no_harm(again: int, verdict: Verdict) -> None:
    found = Duplicates()
    for number in range(100):
        event = Transaction("c", "s", f"e{number}", START, "purchase", 999, None)
        for _ in range(1 + (number < again)):
            found.take(Seen(TX, 0, event, {}, START, late=False))
    answer = found.answer()
    assert answer.verdict is verdict
    assert "if these are lines of one order with one id and one amount, all but the" in answer.advice


def test_contacts_that_come_again_are_no_lines() -> None:
    found = Duplicates()
    event = Transaction("c", "s", "e", START, "purchase", 999, None)  # as good as any other
    for _ in range(2):
        found.take(Seen(CT, 0, event, {}, START, late=False))
    assert "lines" not in found.answer().advice


def test_of_many_ids_a_sample_is_kept_that_tells_about_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST_IDS", 1_000)
    found = Duplicates()
    for number in range(20_000):
        for cents in ([1], [1, 1], [1, 2])[number % 10 if number % 10 < 3 else 0]:
            event = Transaction("c", "s", f"e{number}", START, "purchase", cents, None)
            found.take(Seen(TX, 0, event, {}, START, late=False))
    (detail,) = found.answer().details
    assert detail["one id in"] in {32, 64}
    assert detail["equal"] == pytest.approx(2_000, rel=0.3)
    assert detail["other content"] == pytest.approx(2_000, rel=0.3)


@pytest.mark.parametrize(
    ("form", "one", "other"),
    [
        ("upper and lower case", "Ab1", "aB1"),
        ("spaces", " a 1", "a1 "),
        ("leading zeros", "0017", "17"),
        ("a prefix", "cust_17", "C-17"),
        ("all of these", "CUST-0017", " 17"),
    ],
)
def test_forms_that_look_alike(form: str, one: str, other: str) -> None:
    assert FORMS[form](one) == FORMS[form](other)


@pytest.mark.parametrize(
    ("count", "of", "text"),
    [(0, 0, "0 %"), (1, 10_000, "< 0.1 %"), (1, 3, "33.3 %"), (9_999, 10_000, "> 99.9 %"), (3, 3, "100 %")],
)
def test_a_share_for_people(count: int, of: int, text: str) -> None:
    assert percent(count, of) == text


def test_a_length_of_time_for_people() -> None:
    assert [span(one) for one in (0, 12, 5_000, 90_000, 36 * HOUR_MS)] == [
        "0 s",
        "12 ms",
        "5 s",
        "1.5 min",
        "1.5 d",
    ]
