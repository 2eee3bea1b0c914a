"""The commands, and the process while Kafka is away."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession
from typer.testing import CliRunner, Result

from streams.core.ruleset import DEFAULT
from streams.crm.canary.customers import canaries
from streams.crm.canary.process import CanaryProcess
from streams.crm.commands.canary import canary
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.transport import Endpoint
from streams.crm_settings import CrmSettings
from streams.runtime.local_kafka.engine import free_port
from streams.settings import ENV_PREFIX, Settings
from tests.crm.canary.chain import SECRETS


def run(*arguments: str, **settings: object) -> Result:
    env = {f"{ENV_PREFIX}{name.upper()}": str(value) for name, value in settings.items()}
    return CliRunner().invoke(canary, arguments, env=env)


def test_history_is_of_the_customers_that_the_canary_has() -> None:
    told = run("history", "--days", "91", "--partitions", "3", reporting_currency="EUR")
    assert told.exit_code == 0
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(events) == 3 * 2 * 91
    customers = canaries("retention-canary-", 3, Settings().partitioner, DEFAULT)
    assert {one["customer_id"] for one in events} == {one.customer_id for one in customers}
    assert {(one["amount"], one["currency"], one["source"]) for one in events} == {
        ("500.00", "EUR", "canary")
    }
    assert run("history", "--days", "90").exit_code == 2


def test_rules_under_which_it_can_not_work_end_it_before_it_begins(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("frustration_cap = 2.5\n")
    for arguments in (("history",), ()):
        told = run(*arguments, ruleset_file=rules)
        assert told.exit_code == 78
        assert "RETENTION_RULESET_FILE: frustration_cap: contacts alone never reach even odds" in told.stderr


def test_while_kafka_is_away_it_lives_and_its_age_grows(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(bootstrap_servers=(f"127.0.0.1:{free_port()}",), web_port=free_port())
    crm = CrmSettings()
    shown = []

    async def story() -> None:
        bridge = Courier(Endpoint.of(crm, crm.bridge_url), SECRETS)
        one = CanaryProcess(settings, crm, DEFAULT, 2, SECRETS, bridge)
        running = asyncio.create_task(one.run())
        while "does not take it" not in caplog.text:
            assert not running.done()
            await asyncio.sleep(0.02)
        async with ClientSession(f"http://127.0.0.1:{settings.web_port}") as session:
            for _ in range(2):
                async with session.get("/metrics") as answer:
                    shown.append(await answer.text())
            async with session.get("/live") as answer:
                assert answer.status == 200
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    asyncio.run(story())
    ages = [
        [float(line.split()[-1]) for line in text.splitlines() if line.startswith("retention_canary_age")]
        for text in shown
    ]
    assert all(before < after for before, after in zip(*ages, strict=True))
    assert len(ages[0]) == 2
