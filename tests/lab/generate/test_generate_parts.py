"""The parts of `generate`: stories tell what they claim, draws keep their ranges, rhythm and arrival hold."""

import itertools
from collections import Counter

import numpy as np
import pytest

from streams.lab.generate import stories
from streams.lab.generate.draw import CALLING_HOURS, SHOPPING_HOURS, Draw, within_day, within_days
from streams.lab.generate.options import GenerateOptions, Severity
from streams.lab.generate.purchases import DAY_MS, assemble
from streams.lab.generate.stories import STORIES, ContactLine, NoticeLine, Step, Story, recovery_call
from streams.lab.generate.world import arrive


def draw(seed: int = 1) -> Draw:
    return Draw(np.random.default_rng(seed))


def told(story: Story, times: int = 200) -> list[list[Step]]:
    source = draw()
    return [story(source) for _ in range(times)]


def contacts(steps: list[Step]) -> list[ContactLine]:
    return [step.line for step in steps if isinstance(step.line, ContactLine)]


# --- the stories of the product ---


def test_a_an_escalation_is_refused_and_the_customer_hears_that_it_is_not_allowed() -> None:
    for steps in told(stories.escalation_refused):
        [call] = contacts(steps)
        assert (call.escalation_requested, call.escalation_granted, call.resolution) == (
            True,
            False,
            "unresolved",
        )
        assert call.phrases == ["not_allowed"]


def test_b_an_unannounced_change_is_followed_by_an_hour_of_searching_and_a_call_in_vain() -> None:
    for steps in told(stories.silent_takeover):
        notice, search, call = (step.line for step in steps)
        assert isinstance(notice, NoticeLine)
        assert isinstance(search, ContactLine)
        assert isinstance(call, ContactLine)
        assert (notice.notified, notice.change in ("price", "ownership")) == (False, True)
        assert search.self_served is False
        assert 45 <= (search.self_service_minutes or 0) <= 90
        assert steps[1].minutes == search.self_service_minutes
        assert (call.channel, call.resolution, call.reason) == ("voice", "unresolved", search.reason)


def test_c_powerless_agents_have_an_excuse() -> None:
    excuses = Counter(
        phrase
        for steps in told(stories.powerless_agent)
        for call in contacts(steps)
        for phrase in call.phrases or []
    )
    assert set(excuses) == {"system_wont_let_me", "not_allowed", "policy"}
    assert all(
        len(set(call.phrases or [])) >= 1 for steps in told(stories.excused) for call in contacts(steps)
    )


def test_d_the_machine_hangs_up_and_the_customer_calls_back_once_or_twice_within_days() -> None:
    backs = set()
    for steps in told(stories.ivr_dead_end):
        machine, *back = contacts(steps)
        assert (machine.ended_stage, machine.ended_by, machine.resolution) == ("ivr", "system", None)
        assert (machine.ivr_zero_outs or 0) >= 3
        assert len({call.reason for call in back}) == 1
        assert machine.reason in (None, back[0].reason)
        assert back[-1].resolution == "unresolved"
        assert sum(step.gap_hours for step in steps) < 2 * 96
        backs.add(len(back))
    assert backs == {1, 2}


@pytest.mark.parametrize(
    ("story", "ends"), [(stories.chat_to_nowhere, "unresolved"), (stories.chat_then_call, "resolved")]
)
def test_d_a_chat_ends_in_please_call(story: Story, ends: str) -> None:
    for steps in told(story):
        chat, call = contacts(steps)
        assert (chat.channel, chat.deflected_to) == ("chat", "voice")
        assert (call.channel, call.reason, call.resolution) == ("voice", chat.reason, ends)
        assert steps[1].gap_hours < 27


def test_d_a_long_queue_is_abandoned() -> None:
    for steps in told(stories.queue_abandoned):
        waiting = contacts(steps)[0]
        assert (waiting.ended_stage, waiting.ended_by) == ("queue", "customer")
        assert (waiting.queue_seconds or 0) > 120
        assert steps[0].minutes * 60 >= (waiting.queue_seconds or 0)


def test_e_answered_in_one_ring_and_escalated_at_once() -> None:
    for steps in told(stories.one_ring):
        [call] = contacts(steps)
        assert (call.escalation_granted, call.resolution) == (True, "resolved")
        assert (call.queue_seconds or 0) <= 8


def test_an_unanswered_letter_gets_its_first_reply_after_a_day() -> None:
    for steps in told(stories.letter_unanswered):
        [letter] = contacts(steps)
        assert 86_400 < (letter.first_reply_seconds or 0) <= steps[0].minutes * 60


def test_the_company_calls_too() -> None:
    assert {call.direction for steps in told(stories.courtesy_call) for call in contacts(steps)} == {
        "outbound"
    }


def test_a_recovery_is_an_outbound_call_one_to_five_days_later() -> None:
    source = draw()
    for _ in range(200):
        step = recovery_call(source)
        [call] = contacts([step])
        assert (call.recovery, call.direction, call.resolution) == (True, "outbound", "resolved")
        assert 24 <= step.gap_hours < 120


def test_stories_are_told_once() -> None:
    """A story has one severity, and its steps are new objects each time: the schedule fills them in."""
    names = [story.__name__ for stories in STORIES.values() for story in stories]
    assert len(set(names)) == len(names)
    assert set(STORIES) == set(Severity)
    drawn = [step.line for story in STORIES[Severity.MILD] for steps in told(story, 2) for step in steps]
    assert len({id(line) for line in drawn}) == len(drawn)


# --- draws ---


def test_draws_reach_both_ends_and_no_further() -> None:
    source = draw()
    assert {source.count(2, 4) for _ in range(200)} == {2, 3, 4}
    assert all(2 <= source.between(2, 4) < 4 for _ in range(200))
    assert {source.pick("abc") for _ in range(200)} == set("abc")
    assert not any(source.chance(0) for _ in range(200))
    assert all(source.chance(1) for _ in range(200))


def test_weighted_draws_follow_the_weights_and_leave_out_the_weightless() -> None:
    source = draw()
    counts = Counter(
        source.weighted({"none": 0.0, "one": 1.0, "three": 3.0, "nil": 0.0}) for _ in range(4_000)
    )
    assert set(counts) == {"one", "three"}
    assert 2_870 < counts["three"] < 3_130


# --- rhythm ---


def test_days_follow_the_weights_of_the_hours() -> None:
    hours = within_day(np.random.default_rng(1), 100_000) // 3_600_000
    counts = np.bincount(hours, minlength=24)
    assert len(counts) == 24
    expected = SHOPPING_HOURS / SHOPPING_HOURS.sum() * 100_000
    assert np.all(np.abs(counts - expected) <= 4.5 * np.sqrt(expected) + 1)


def test_moments_lie_within_the_days_and_follow_the_week() -> None:
    """2024-01-01 is a Monday."""
    start = 1_704_067_200_000
    moments = within_days(np.random.default_rng(1), 70_000, start, 700, CALLING_HOURS)
    assert start <= moments.min() < moments.max() < start + 700 * DAY_MS
    weekday = np.bincount((moments - start) // DAY_MS % 7)
    assert weekday.argmax() == 5
    assert weekday.argmin() == 6


# --- purchases ---


def test_positions_are_half_open() -> None:
    """Customer 0 buys at 10 and 20, customer 2 at 10; customer 1 never.

    time      9   10   11   20   21
    customer 0    ^0        ^1
    customer 2    ^2
    """
    purchases = assemble(
        source="test",
        customer_ids=["a", "b", "c"],
        span_ms=(0, 100),
        customer=np.array([2, 0, 0, 0]),
        time_ms=np.array([10, 20, 10, 15]),
        cents=np.array([3, 2, 1, 0]),
        number=np.arange(4),
    )
    assert (purchases.cents.tolist(), purchases.read, purchases.worthless) == ([1, 2, 3], 4, 1)
    asked = list(itertools.product((0, 1, 2), (-5, 9, 10, 11, 20, 21, 1_000)))
    found = purchases.position(np.array([who for who, _ in asked]), np.array([when for _, when in asked]))
    assert found.tolist() == [0, 0, 0, 1, 1, 2, 2, *[2] * 7, 2, 2, 2, 3, 3, 3, 3]


# --- arrival ---


def test_records_of_the_same_moment_keep_their_order() -> None:
    calm = GenerateOptions(late_share=0, duplicate_share=0, jitter_seconds=0)
    arrival = arrive(np.zeros(1_000, dtype=np.int64), calm, np.random.default_rng(1))
    assert arrival.order.tolist() == list(range(1_000))


def test_every_record_can_come_twice_and_the_first_comes_first() -> None:
    twice = GenerateOptions(late_share=0.5, duplicate_share=1)
    arrival = arrive(np.arange(1_000, dtype=np.int64), twice, np.random.default_rng(1))
    assert Counter(arrival.order.tolist()) == dict.fromkeys(range(1_000), 2)
    assert arrival.duplicates == 1_000


def test_nothing_arrives_of_nothing() -> None:
    arrival = arrive(np.array([], dtype=np.int64), GenerateOptions(), np.random.default_rng(1))
    assert (arrival.order.tolist(), arrival.late, arrival.duplicates) == ([], 0, 0)
