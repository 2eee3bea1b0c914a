"""Topics compared with the contract, without a broker."""

from streams.runtime.kafka.topics import ActualTopic, differences, plan
from streams.settings import Settings


def test_a_topic_of_ingest_that_would_lose_what_it_keeps_is_no_topic_to_start_on() -> None:
    settings = Settings()
    planned = plan(settings, ingest=True)
    wrong = {"ingest.memory": "delete", "ingest.drafts": "compact", "ingest.dead-letters": "compact"}
    actual = {
        one.name: ActualTopic(
            one.name,
            one.partitions,
            one.replicas,
            dict(one.settings)
            | ({"cleanup.policy": wrong[one.topic.name]} if one.topic.name in wrong else {}),
        )
        for one in planned
    }
    assert [(one.topic, one.what, one.fatal) for one in differences(planned, actual)] == [
        (
            f"{settings.topic_prefix}ingest.drafts",
            "cleanup.policy is compact, should be delete, else drafts are lost",
            True,
        ),
        (
            f"{settings.topic_prefix}ingest.memory",
            "cleanup.policy is delete, should be compact, else what is remembered is lost",
            True,
        ),
        (
            f"{settings.topic_prefix}ingest.dead-letters",
            "cleanup.policy is compact, should be delete",
            False,
        ),
    ]
