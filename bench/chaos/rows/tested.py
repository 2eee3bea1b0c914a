"""Rows that have no longer form than the tests that run at every change."""

from typing import Final

from bench.chaos.rows import Row

_REFUSALS: Final = "tests/kafka/worker/test_worker_refusals.py"

ROWS: Final = (
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
