"""A real Kafka that lacks a right: the worker ends with one line that says which."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType
from typing_extensions import override

from streams.core.watermark import Input
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.distribution import LocalKafkaError, find_java
from streams.runtime.local_kafka.java import Java
from streams.settings import Settings
from tests.kafka.cluster.test_security import running
from tests.kafka.feeds import purchase, raw, send
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
