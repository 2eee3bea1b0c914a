"""A real Kafka that lacks a right: the worker ends with one line that says which."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from confluent_kafka import Producer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)
from typing_extensions import override

from streams.core.watermark import GIVEN, Input
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.distribution import LocalKafkaError, find_java
from streams.runtime.local_kafka.java import Java
from streams.settings import Settings
from tests.ingest import feeds
from tests.kafka.cluster.test_security import running
from tests.kafka.commands import until
from tests.kafka.feeds import purchase, raw, send
from tests.kafka.ingest.process import IngestProcess
from tests.kafka.worker.test_worker_refusals import refused
from tests.worlds.worlds import FIRST

pytestmark = pytest.mark.kafka

ANYBODY: Final = "User:ANONYMOUS", "*"


class GuardedJava(Java):
    """A broker that knows rights; what none is given for is allowed."""

    @override
    def _settings(self, port: int, data: Path) -> str:
        return super()._settings(port, data) + (
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            "allow.everyone.if.no.acl.found=true\n"
        )


@pytest.fixture(scope="module")
def guarded(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Give the settings of a broker with rights; skip where there is only Docker."""
    try:
        find_java()
    except LocalKafkaError as error:
        pytest.skip(f"NOT TESTED: {error}")
    with running(GuardedJava(tmp_path_factory.mktemp("guarded"), jars)) as fitting:
        yield fitting


class Right(NamedTuple):
    """A right of the worker; `name` is what follows the application id in the name of what it is on."""

    kind: ResourceType
    name: str
    operation: ACLOperation
    said: str


RIGHTS: Final = [
    Right(ResourceType.GROUP, "", ACLOperation.READ, "GroupAuthorizationFailedError"),
    Right(ResourceType.TRANSACTIONAL_ID, "-0", ACLOperation.WRITE, "TransactionalIdAuthorizationFailed"),
    Right(ResourceType.TOPIC, ".transactions", ACLOperation.READ, "TopicAuthorizationFailedError"),
    Right(ResourceType.TOPIC, ".state", ACLOperation.WRITE, "TopicAuthorizationFailedError"),
]


@pytest.mark.parametrize("right", RIGHTS)
def test_a_missing_right_is_one_line(guarded: dict[str, Any], tmp_path: Path, right: Right) -> None:
    kind, name, operation, said = right
    application = f"{kind.name}-{operation.name}{name[1:]}".lower()
    settings = Settings(**guarded, topic_prefix=f"{application}.", application_id=application, partitions=2)
    what = ResourcePattern(kind, application + name)
    with admin_client(settings) as admin:
        create(admin, plan(settings))
        rights = (operation, ACLPermissionType.DENY), (ACLOperation.ALL, ACLPermissionType.ALLOW)
        admin.create_acls([ACL(*ANYBODY, one, permission, what) for one, permission in rights])
    send(settings, (raw(settings, Input.TRANSACTIONS, purchase(f"c-{at}", FIRST)) for at in range(20)))
    code, lines = refused(settings, tmp_path, web_port=0)
    assert (code, len(lines)) == (77, 1), lines
    assert lines[0].startswith("Kafka refuses: ")
    assert said in lines[0]


def test_ingest_needs_the_rights_that_the_readme_gives_and_says_which_is_missing(
    guarded: dict[str, Any], tmp_path: Path
) -> None:
    settings = Settings(**guarded, topic_prefix="shop.", application_id="shop", partitions=2, web_port=0)
    (tmp_path / "m.toml").write_text(feeds.MAPPING.format(prefix="shop.x.").replace('format = "avro"', ""))
    theirs, read, write = ("shop.x.calls", "shop.x.shop.orders"), ACLOperation.READ, ACLOperation.WRITE
    own = [f"shop.ingest.{name}" for name in ("drafts", "memory", "dead-letters")]
    call = b'{"call": "k", "caller": "c", "at": "2026-03-01T12:00:00Z", "result": "open"}'
    with admin_client(settings) as admin:
        create(admin, plan(settings, ingest=True))
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1} for name in theirs})
        producer = Producer({"bootstrap.servers": settings.bootstrap_servers[0]})
        producer.produce(theirs[0], call)
        assert producer.flush(30) == 0
        given = [(ResourceType.TOPIC, name, read) for name in (*theirs, *own)]
        given += [(ResourceType.TOPIC, name, write) for name in (*own, "shop.transactions")]
        for described in (ACLOperation.DESCRIBE, ACLOperation.DESCRIBE_CONFIGS):
            names = (*own, *(f"shop.{source}" for source in GIVEN))
            given += [(ResourceType.TOPIC, name, described) for name in names]
        rights = [ACL(*ANYBODY, one, ACLPermissionType.ALLOW, ResourcePattern(*what)) for *what, one in given]
        prefixed = [
            (ResourceType.GROUP, "shop-ingest", read),
            (ResourceType.TRANSACTIONAL_ID, "shop-ingest-", write),
        ]
        for kind, name, one in prefixed:
            what = ResourcePattern(kind, name, ACLResourcePatternType.PREFIXED)
            rights.append(ACL(*ANYBODY, one, ACLPermissionType.ALLOW, what))
        admin.create_acls(rights)
    one = IngestProcess(settings, tmp_path / "one.log", str(tmp_path / "m.toml"))
    assert one.wait(60) == 77, one.log
    assert "error: Kafka refuses: TOPIC_AUTHORIZATION_FAILED" in one.log
    with admin_client(settings) as admin:
        what = ResourcePattern(ResourceType.TOPIC, "shop.contacts")
        admin.create_acls([ACL(*ANYBODY, write, ACLPermissionType.ALLOW, what)])
    two = IngestProcess(settings, tmp_path / "two.log", str(tmp_path / "m.toml"))
    until(lambda: two.metric("retention_ingest_events_total") == 1)
    two.kill()
