"""What `worker --resume-partition` says, as offsets of dead letters: stops that began before them end."""

import logging

from kafka import TopicPartition

from schemas.topics import DEAD_LETTERS
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import ends_of
from streams.settings import Settings, SettingsError, variable

log = logging.getLogger(__name__)


def resume_marks(settings: Settings, partitions: int) -> dict[int, int]:
    """Return the mark of each partition that is to go on.

    `1@345` ends the stop of partition 1 whose dead letters begin at 345, and no other; `1` ends any that is
    there now.
    Raises SettingsError for a partition that there is not, and what `admin_client` raises.
    """
    marks, now = {}, []
    for one in settings.resume_partitions:
        number, at, stop = one.partition("@")
        if int(number) >= partitions:
            raise SettingsError(f"{variable('resume_partitions')}: there is no partition {number}")
        if at:
            marks[int(number)] = int(stop) + 1
        else:
            now.append(int(number))
    if now:
        log.warning("without the number of a stop any that is there is ended, at each start of the worker")
        with admin_client(settings) as admin:
            topic = settings.topic_prefix + DEAD_LETTERS.name
            found = ends_of(admin, (TopicPartition(topic, number) for number in now))
            marks |= {tp.partition: end for tp, end in found.items()}
    return marks
