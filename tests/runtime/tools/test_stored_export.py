"""A backup of an earlier release is imported by this one, and goes on with the same alerts."""

import pytest

from streams.core.partition.partition import Partition
from streams.core.watermark import Input
from streams.runtime.partition.processor import PROCESSOR_KEY
from streams.runtime.tools.state_file import read_entries
from streams.runtime.tools.state_move import Move, Target, contents_of
from tests.core.drive import known
from tests.core.partition.stored import DAYS, RULES, STORED, WRITTEN, live, read
from tests.runtime.tools.stored_export import APPLICATION, EXPORTS, POSITIONS, TOPICS, path_of

VERSIONS = sorted(path.stem for path in EXPORTS.glob("*.state"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_backup_of_a_release_is_read(version: str) -> None:
    contents = contents_of(path_of(version))
    assert contents.applications == [APPLICATION]
    assert contents.processors[0].positions == POSITIONS
    assert contents.processors[0].topics == TOPICS
    assert contents.customers == 9


@pytest.mark.parametrize("version", VERSIONS)
def test_it_goes_on_as_the_topic_would(version: str) -> None:
    path = path_of(version)
    target = Target(
        APPLICATION, 1, {Input(name): topic_id for name, topic_id in TOPICS.items()}, positions=None
    )
    move = Move(contents_of(path), target)
    imported, undisturbed = Partition(RULES), Partition(RULES)
    moved = move.entries(read_entries(path))
    imported.restore({one.key: one.value for one in moved if one.key != PROCESSOR_KEY})
    undisturbed.restore(read(STORED[-1]))
    assert known(imported) == known(undisturbed)
    alerts = live(imported, range(WRITTEN, DAYS))
    assert alerts == live(undisturbed, range(WRITTEN, DAYS))
    assert alerts
