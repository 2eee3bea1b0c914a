"""What an operator writes to end stops, as marks in the dead letters."""

import pytest

from streams.runtime.startup.resume import resume_marks
from streams.settings import Settings, SettingsError


def test_a_stop_that_is_named_ends_and_none_that_comes_later() -> None:
    """The mark lies behind its first letter; Kafka is not asked."""
    settings = Settings(resume_partitions=("1@345", "3@0"), bootstrap_servers=("127.0.0.1:1",))
    assert resume_marks(settings, 4) == {1: 346, 3: 1}
    assert resume_marks(Settings(), 4) == {}


@pytest.mark.parametrize("one", ["4", "4@7"])
def test_a_partition_that_there_is_not_is_refused(one: str) -> None:
    with pytest.raises(SettingsError, match=r"^RETENTION_RESUME_PARTITIONS: there is no partition 4$"):
        resume_marks(Settings(resume_partitions=(one,)), 4)
