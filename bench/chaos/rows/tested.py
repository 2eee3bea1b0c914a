"""Rows that have no longer form than the tests that run at every change."""

from typing import Final

from bench.chaos.rows import Row

_REFUSALS: Final = "tests/kafka/worker/test_worker_refusals.py"
_LIVE: Final = "tests/live/test_live.py"
_LIVE_TIME: Final = "tests/runtime/partition/test_live_time.py"
_WALL_CLOCK: Final = "tests/runtime/worker/test_wall_clock.py"

ROWS: Final = (
    Row(
        "R11",
        "clocks that are wrong by an hour, jump a day and back, also with the broker away; on virtual time: "
        "a worker on Kafka takes its clock from the machine",
        tests=(
            f"{_LIVE}::test_a_wall_clock_that_is_set_both_ways",
            f"{_LIVE}::test_a_wall_clock_that_is_wrong_at_the_start_and_is_put_right",
            f"{_LIVE}::test_a_source_whose_clock_is_wrong",
            f"{_LIVE_TIME}::test_a_wall_clock_that_is_wrong_by_an_hour_from_the_start",
            f"{_LIVE_TIME}::test_a_wall_clock_set_a_day_ahead_and_back",
            f"{_LIVE_TIME}::test_while_the_broker_is_away_time_stands_still",
            _WALL_CLOCK,
            "tests/kafka/worker/test_worker_poison.py::test_poison_is_put_aside_and_the_rest_goes_on",
        ),
    ),
    Row(
        "R12",
        "purchases that stop for days while contacts go on, and come later or never",
        tests=(
            f"{_LIVE}::test_purchases_that_are_held_up_for_days",
            f"{_LIVE}::test_a_source_that_dies_and_never_makes_up_for_it",
            f"{_LIVE_TIME}::test_a_feed_that_has_gone_silent_stands_still_and_says_so",
            "tests/core/feed/test_feed_guard.py::test_a_feed_that_falls_silent_is_broken_once_half_a_day_is_missing",
        ),
    ),
    Row(
        "R15",
        "a customer of 100,000 events",
        tests=(
            "tests/kafka/worker/test_worker_poison.py::test_a_customer_of_100_000_events_has_a_small_record",
        ),
    ),
    Row(
        "R16",
        "topics recreated, with other partition counts, not co-partitioned, positions before the log, "
        "state of another ruleset or of an unknown format",
        tests=(
            f"{_REFUSALS}::test_topics_that_state_cannot_go_on_with",
            f"{_REFUSALS}::test_all_topics_with_more_partitions",
            f"{_REFUSALS}::test_state_of_others",
            f"{_REFUSALS}::test_records_that_go_while_the_worker_stands_still",
        ),
    ),
    Row(
        "R17",
        "state that an earlier release wrote",
        tests=(
            "tests/core/partition/test_stored_states.py",
            "tests/runtime/tools/test_stored_export.py::test_it_goes_on_as_the_topic_would",
        ),
    ),
    Row(
        "R20",
        "an event loop that is blocked, a commit or a restore that hangs",
        tests=(
            "tests/runtime/worker/test_watchdog.py::test_a_blocked_event_loop_ends_it",
            "tests/runtime/worker/test_watchdog.py::test_a_wait_that_never_ends_ends_it",
            "tests/kafka/worker/test_worker_faults.py::test_a_broker_that_hangs_ends_the_worker",
        ),
    ),
    Row(
        "R20a",
        "1 to 5 workers that share 4 partitions of 4 inputs",
        tests=(
            "tests/kafka/worker/test_worker.py::test_each_partition_has_one_worker_and_all_its_inputs_there",
        ),
    ),
)
