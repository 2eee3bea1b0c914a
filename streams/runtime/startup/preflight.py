"""What is checked before a worker touches anything: topics, rules, settings that don't go together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streams.core.ruleset import Ruleset
from streams.core.watermark import Input
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import differences, plan, read, refusal
from streams.runtime.startup.partitioners import problem
from streams.runtime.startup.samples import sample_inputs
from streams.settings import Settings


class PreflightError(Exception):
    """The worker can't start; the message has a line for each reason."""


@dataclass(frozen=True, slots=True)
class StartupContext:
    """What the worker stands on."""

    rules: Ruleset
    partitions: int
    topic_ids: Mapping[Input, str]
    warnings: list[str]
    """How the topics differ from the contract without harm to what the worker promises."""


CHECK_SECONDS: Final = 5.0
"""The longest that a start looks at what the inputs hold."""


def check_partitioner(settings: Settings, context: StartupContext) -> None:
    """Look whether the producers place their keys as the settings say, and all alike.

    Raises PreflightError if not, SettingsError, KafkaUnavailableError, KafkaRefusedError.
    """
    samples = sample_inputs(settings, context.partitions, CHECK_SECONDS)
    wrong = problem(samples, context.partitions, settings.partitioner, settings.topic_prefix)
    if wrong is not None:
        raise PreflightError(wrong)


def preflight(settings: Settings) -> StartupContext:
    """Return what the worker stands on.

    Raises PreflightError, SettingsError, and what `admin_client` raises.
    """
    rules = settings.rules()
    planned = plan(settings)
    with admin_client(settings) as admin:
        actual = read(admin, planned)
    found = differences(planned, actual)
    refused = refusal(found)
    if refused:
        raise PreflightError(refused)
    names = {source: settings.topic_prefix + source.value for source in Input}
    return StartupContext(
        rules=rules,
        partitions=actual[names[Input.TRANSACTIONS]].partitions,
        topic_ids={source: actual[name].topic_id for source, name in names.items()},
        warnings=[str(one) for one in found],
    )
