"""The topics in Kafka: created as the contract says, and compared with it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from kafka import TopicPartition, errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.protocol.consumer.offsets import IsolationLevel
from typing_extensions import override

from schemas.topics import INGEST, INGEST_DRAFTS, INGEST_MEMORY, INPUTS, MOVES, OUTPUTS, STATE, Topic
from streams.settings import Settings, variable

POLICY: Final = "cleanup.policy"
TIMESTAMPS: Final = "message.timestamp.type"
IN_SYNC: Final = "min.insync.replicas"

_MISSING: Final = "missing"
_LOST: Final = {
    STATE.name: "state is lost",
    INGEST_MEMORY.name: "what is remembered is lost",
    INGEST_DRAFTS.name: "drafts are lost",
}
"""What goes, unnoticed, with a topic that is cleaned up in another way."""
_TOGETHER: Final = (*INPUTS, STATE, MOVES, INGEST_DRAFTS, INGEST_MEMORY)


class PlannedTopic(msgspec.Struct, frozen=True):
    """A topic as it should be in Kafka: full name, size, and its Kafka settings as Kafka spells them."""

    topic: Topic
    name: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]


class ActualTopic(msgspec.Struct, frozen=True):
    """A topic as it is in Kafka; settings are all that are in force, none if we may not read them."""

    name: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]
    topic_id: str = ""
    """The id that Kafka gave it: a topic that was deleted and created again has another."""


class Difference(msgspec.Struct, frozen=True):
    """How a topic differs from the contract, in a line; `fatal` if no worker can start on it."""

    topic: str
    what: str
    fatal: bool

    @override
    def __str__(self) -> str:
        return f"{self.topic}: {self.what}"


class TopicsError(Exception):
    """Topics that Kafka won't make; the message says which and why."""


def plan(settings: Settings, *, ingest: bool = False) -> list[PlannedTopic]:
    """Return all topics of the contract, inputs first, as these settings want them.

    With `ingest` also those that it needs.
    """
    in_sync = 2 if settings.replication_factor > 2 else 1
    common = {TIMESTAMPS: "LogAppendTime", IN_SYNC: str(in_sync)}
    return [
        PlannedTopic(
            topic=topic,
            name=settings.topic_prefix + topic.name,
            partitions=settings.partitions,
            replicas=settings.replication_factor,
            settings=common | {name: str(value) for name, value in topic.settings.items()},
        )
        for topic in (*INPUTS, *OUTPUTS, *(INGEST if ingest else ()))
    ]


def create(admin: KafkaAdminClient, planned: Sequence[PlannedTopic]) -> list[str]:
    """Make the topics that are missing, wait until they can be used, and return their names.

    Topics that exist are left as they are. Raises TopicsError, what `admin_client` raises.
    """
    there = read(admin, planned)
    missing = {
        one.name: {
            "num_partitions": one.partitions,
            "replication_factor": one.replicas,
            "configs": dict(one.settings),
        }
        for one in planned
        if one.name not in there
    }
    if not missing:
        return []
    answer = admin.create_topics(missing, raise_errors=False)
    for one in answer["topics"]:
        _check_made(one)
    admin.wait_for_topics(list(missing))
    return list(missing)


def existing(admin: KafkaAdminClient, names: Sequence[str]) -> set[str]:
    """Return those of some topics that exist. Raises what `admin_client` raises."""
    return {one["name"] for one in admin.describe_topics(list(names)) if not _failure(one["error_code"])}


def read(admin: KafkaAdminClient, planned: Sequence[PlannedTopic]) -> dict[str, ActualTopic]:
    """Return by name those of the planned topics that exist."""
    names = [one.name for one in planned]
    found = [one for one in admin.describe_topics(names) if not _failure(one["error_code"])]
    if not found:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, one["name"]) for one in found]
    configured = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        one["name"]: ActualTopic(
            name=one["name"],
            partitions=len(one["partitions"]),
            replicas=min(len(part["replica_nodes"]) for part in one["partitions"]),
            settings={key: str(value["value"]) for key, value in configured[one["name"]].items()},
            topic_id=str(one.get("topic_id", "")),
        )
        for one in found
    }


def differences(planned: Sequence[PlannedTopic], actual: Mapping[str, ActualTopic]) -> list[Difference]:
    """Return how the topics differ from the plan, in its order; none if all is well."""
    counts = Counter(one.partitions for one in actual.values())
    usual = max(counts, key=lambda partitions: counts[partitions], default=0)
    found: list[Difference] = []
    for wanted in planned:
        if wanted.name in actual:
            found += _size_differs(wanted, actual[wanted.name], usual)
            found += _settings_differ(wanted, actual[wanted.name])
        else:
            found.append(Difference(wanted.name, _MISSING, fatal=True))
    return found


def ends_of(
    admin: KafkaAdminClient,
    tps: Iterable[TopicPartition],
    isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> dict[TopicPartition, int]:
    """Return where partitions end. Raises what `admin_client` raises."""
    found = admin.list_partition_offsets(dict.fromkeys(tps, OffsetSpec.LATEST), isolation_level=isolation)
    return {tp: one.offset for tp, one in found.items()}


def refusal(found: Sequence[Difference], *, create: str = "topics create") -> str:
    """Return the differences that nothing can start on, a line each, and what helps; empty if none is."""
    fatal = [str(one) for one in found if one.fatal]
    hint = [f"`retention-signals {create}` makes missing topics"]
    return "\n".join([*fatal, *(hint if any(one.endswith(_MISSING) for one in fatal) else [])])


def _size_differs(wanted: PlannedTopic, actual: ActualTopic, usual: int) -> Iterator[Difference]:
    if actual.partitions != usual:
        what = f"not co-partitioned: {_counted(actual.partitions)}, most topics have {usual}"
        yield Difference(wanted.name, what, fatal=wanted.topic in _TOGETHER)
    elif actual.partitions != wanted.partitions:
        what = f"{_counted(actual.partitions)}, {variable('partitions')} says {wanted.partitions}"
        yield Difference(wanted.name, what, fatal=wanted.topic in _TOGETHER)
    if actual.replicas < wanted.replicas:
        what = (
            f"replication factor {actual.replicas}, {variable('replication_factor')} says {wanted.replicas}"
        )
        yield Difference(wanted.name, what, fatal=False)


def _settings_differ(wanted: PlannedTopic, actual: ActualTopic) -> Iterator[Difference]:
    if not actual.settings:
        yield Difference(
            wanted.name, "its settings may not be read, which takes DescribeConfigs", fatal=False
        )
        return
    for key, value in wanted.settings.items():
        found = actual.settings.get(key, "not set")
        if not _same(found, value):
            lost = _LOST.get(wanted.topic.name) if key == POLICY else None
            why = f", else {lost}" if lost else ""
            yield Difference(wanted.name, f"{key} is {found}, should be {value}{why}", fatal=lost is not None)


def _counted(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return set(one.split(",")) == set(other.split(","))


def _failure(code: int) -> bool:
    """Return whether a topic is missing; raises for any other error."""
    error = errors.for_code(code)
    if error is errors.NoError:
        return False
    if error is errors.UnknownTopicOrPartitionError:
        return True
    raise error


def _check_made(answer: dict[str, Any]) -> None:
    error = errors.for_code(answer["error_code"])
    # Another process may have made it since we looked.
    if error in {errors.NoError, errors.TopicAlreadyExistsError}:
        return
    if issubclass(error, errors.AuthorizationError):
        raise error
    if error is errors.InvalidReplicationFactorError:
        many = f"{variable('replication_factor')} asks for more copies than there are brokers"
        raise TopicsError(f"{answer['name']}: {many}; 1 is enough for development")
    raise TopicsError(f"{answer['name']}: Kafka won't make it: {answer['error_message'] or error.__name__}")
