"""When to try again, how fast, and when not to try at all: on clocks that are given."""

from random import Random

import pytest

from streams.crm.delivery.circuit import Circuit, Pass
from streams.crm.delivery.pace import Pace
from streams.crm.delivery.retry import is_given_up, next_try_ms
from streams.crm.delivery.verdict import outcome_of, seconds_to_wait
from streams.crm.wire import Outcome, Result

NOW = 1_780_000_000.0
OK = Outcome(Result.DELIVERED, "ok", 0.0)
REFUSED = Outcome(Result.REFUSED, "status_400", 0.0)
FAULT = Outcome(Result.RETRY, "status_503", 0.0, endpoint=True)


class Clock:
    """Time that stands still until it is moved."""

    now = 1_000.0

    def __call__(self) -> float:
        """Give it."""
        return self.now


def test_waits_double_with_full_jitter_within_a_second_and_ten_minutes() -> None:
    rng = Random(1)
    for tries in (1, 2, 5, 9, 10, 50, 10_000):
        span = min(600.0, 2.0 ** min(tries, 20))
        waits = [(next_try_ms(tries, 5_000, rng) - 5_000) / 1000 for _ in range(500)]
        assert 1 <= min(waits) < 1 + span / 20
        assert span * 0.95 < max(waits) <= span


def test_never_before_the_crm_asked_for() -> None:
    rng = Random(1)
    assert all(next_try_ms(1, 0, rng, 90.0) == 90_000 for _ in range(50))
    assert {next_try_ms(1, 0, rng, 0.0) >= 1_000 for _ in range(50)} == {True}


def test_given_up_after_the_hours_of_the_setting() -> None:
    hour = 3_600_000
    assert not is_given_up(7, 7 + 72 * hour - 1, 72)
    assert is_given_up(7, 7 + 72 * hour, 72)
    assert is_given_up(7, 7 + 90_000, 0.025)


def test_the_pace_is_even_and_saves_nothing_up() -> None:
    clock = Clock()
    pace = Pace(10.0, clock)
    assert [round(pace.take(), 6) for _ in range(4)] == [0.0, 0.1, 0.2, 0.3]
    clock.now += 1_000
    assert [round(pace.take(), 6) for _ in range(2)] == [0.0, 0.1]
    pace.rest(3)
    pace.rest(1)
    assert [round(pace.take(), 6) for _ in range(2)] == [3.0, 3.1]


def admitted(circuit: Circuit) -> Pass:
    found = circuit.admit()
    assert found is not None
    return found


def fault(circuit: Circuit, times: int = 1) -> None:
    for _ in range(times):
        circuit.note(admitted(circuit), FAULT)


def test_the_circuit_opens_after_five_faults_in_a_row_and_says_why_and_since_when() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    fault(circuit, 4)
    circuit.note(admitted(circuit), REFUSED)  # it was answered
    fault(circuit, 4)
    assert circuit.standing().state == "closed"
    fault(circuit)
    assert circuit.admit() is None
    assert circuit.wait() == 5.0
    told = circuit.standing()
    assert (told.state, told.why, told.since) == ("open", "status_503", 1_000.0)


def test_one_request_probes_and_the_opening_doubles_up_to_five_minutes() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    fault(circuit, 5)
    for seconds in (5, 10, 20, 40, 80, 160, 300, 300):
        clock.now += seconds - 0.001
        assert circuit.admit() is None
        clock.now += 0.001
        probe = admitted(circuit)
        assert probe.is_probe
        assert circuit.standing().state == "half_open"
        assert circuit.admit() is None
        circuit.note(probe, FAULT)
    assert circuit.standing().since == 1_000.0
    clock.now += 300
    circuit.note(admitted(circuit), OK)
    assert circuit.standing().state == "closed"
    assert circuit.wait() == 0.0
    fault(circuit, 5)
    assert circuit.wait() == 5.0


def test_a_probe_that_was_broken_off_makes_room_for_another() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    fault(circuit, 5)
    clock.now += 5
    circuit.note(admitted(circuit), None)
    assert admitted(circuit).is_probe


def test_that_cases_are_gone_says_nothing_of_the_crm() -> None:
    """A wrong path of all requests opens it, though some of them are about one case each."""
    clock = Clock()
    circuit = Circuit(clock)
    gone = outcome_of(404, None, NOW, of_case=True)
    for _ in range(4):
        fault(circuit)
        circuit.note(admitted(circuit), gone)
    fault(circuit)
    assert circuit.standing().state == "open"
    clock.now += 5
    circuit.note(admitted(circuit), gone)
    assert circuit.standing().state == "open"
    assert admitted(circuit).is_probe  # and another goes at once


def test_what_was_sent_before_the_circuit_opened_or_closed_says_nothing_after() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    late = [admitted(circuit) for _ in range(3)]
    fault(circuit, 5)
    circuit.note(late[0], FAULT)
    circuit.note(late[1], OK)
    assert circuit.wait() == 5.0
    clock.now += 5
    circuit.note(admitted(circuit), OK)
    circuit.note(late[2], FAULT)
    fault(circuit, 4)
    assert circuit.standing().state == "closed"


@pytest.mark.parametrize(
    ("statuses", "result", "endpoint"),
    [
        ((200, 201, 202, 204), Result.DELIVERED, False),
        ((301, 302, 303, 304, 307, 308), Result.RETRY, True),
        ((408, 425, 500, 502, 503, 504, 599), Result.RETRY, True),
        ((401, 403, 404, 405, 410), Result.RETRY, True),
        ((409, 423), Result.RETRY, False),
        ((400, 406, 411, 412, 413, 414, 415, 418, 422, 431, 451, 499), Result.REFUSED, False),
        ((100, 199, 600, 999), Result.RETRY, True),
    ],
)
def test_what_an_answer_means(statuses: tuple[int, ...], result: Result, endpoint: bool) -> None:
    for status in statuses:
        found = outcome_of(status, "7", NOW)
        assert (found.result, found.endpoint) == (result, endpoint), status
        assert found.retry_after == (7.0 if status == 503 else None), status
        assert not found.slower, status


def test_a_page_for_people_is_no_delivery_whatever_its_status() -> None:
    found = outcome_of(200, None, NOW, is_page=True)
    assert (found.result, found.reason, found.endpoint, found.unclear) == (Result.RETRY, "page", True, True)
    assert outcome_of(422, None, NOW, is_page=True) == outcome_of(422, None, NOW)


def test_a_case_that_is_gone_is_no_fault_of_the_crm() -> None:
    for status in range(1_000):
        found = outcome_of(status, None, NOW, of_case=True)
        if status in {404, 410}:
            assert (found.result, found.endpoint, found.unclear) == (Result.RETRY, False, False)
            assert found.gone
        else:
            assert found == outcome_of(status, None, NOW)


def test_after_which_answers_the_crm_may_have_done_it() -> None:
    unclear = {status for status in range(1_000) if outcome_of(status, None, NOW).unclear}
    assert unclear == {*range(200), 408, *range(500, 1_000)}


@pytest.mark.parametrize(("asked", "seconds"), [("7", 7.0), (None, 1.0), ("soon", 1.0)])
def test_a_crm_that_asks_for_fewer_requests_works(asked: str | None, seconds: float) -> None:
    """It is no fault: it opens no circuit, and all requests wait, not only this one."""
    found = outcome_of(429, asked, NOW)
    assert (found.result, found.endpoint, found.slower) == (Result.RETRY, False, True)
    assert found.retry_after == seconds


def test_reasons_are_a_closed_set() -> None:
    assert outcome_of(302, None, NOW).reason == "redirect"
    assert outcome_of(503, None, NOW).reason == "status_503"
    reasons = {outcome_of(status, None, NOW).reason for status in range(1_000)}
    assert len(reasons) < 60
    assert {"status_4xx", "status_5xx", "status_odd"} <= reasons


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999999", 3_600.0),
        ("Thu, 28 May 2026 20:27:50 GMT", 70.0),
        ("Thu, 28 May 2026 20:27:50", 70.0),
        ("Thu, 28 May 2026 20:26:00 GMT", 0.0),
        ("Thu, 28 May 2099 20:26:00 GMT", 3_600.0),
        ("Thu, 28 May 99999 20:26:00 GMT", None),
        ("1e9", None),
        ("-5", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(text: str | None, seconds: float | None) -> None:
    assert seconds_to_wait(text, NOW) == seconds
