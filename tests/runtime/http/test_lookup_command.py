"""The command `lookup`: who is asked, what is shown, and how it ends."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from schemas.alert import Alert
from schemas.events import Merge
from streams.core.partition.exchange import decide_together
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from streams.runtime.commands.lookup import lookup_command
from streams.runtime.http.lookup import LookupAnswer
from tests.core.drive import HOME, disposition, notice, profile
from tests.runtime.dataset import CT, HOLDOUT, RULES, SILENT, TROUBLE, silent_dataset, wait
from tests.runtime.workers import FakeWorker, served, troubled

TOKEN = "open sesame"  # noqa: S105 - of the tests


def run(addresses: list[str], *arguments: str, width: int = 200, **settings: str) -> Result:
    app = Typer()
    app.command()(lookup_command)
    environment = {"RETENTION_WORKER_ADDRESSES": ",".join(addresses), "COLUMNS": str(width)}
    environment |= {f"RETENTION_{name.upper()}": value for name, value in settings.items()}
    return CliRunner().invoke(app, arguments, env=environment)


def ask(*workers: FakeWorker, arguments: tuple[str, ...] = ("a",), width: int = 200) -> Result:
    with ExitStack() as stack:
        addresses = [stack.enter_context(served(worker)) for worker in workers]
        return run(addresses, *arguments, width=width)


def refused(done: Result) -> str:
    """Check that a command failed in a few plain lines, and give them."""
    assert isinstance(done.exception, SystemExit)
    assert done.stdout == ""
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    return re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", done.stderr)


@contextmanager
def speaking(answer: bytes) -> Iterator[str]:
    """Listen, answer the first request with some bytes, and give the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def nobody() -> str:
    """Give an address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


# What is shown


def test_the_story_of_an_open_episode() -> None:
    worker = troubled()
    assert worker.partition is not None
    raised = wait(worker.partition, TROUBLE + 20 * DAY_MS)
    done = ask(worker)
    assert (done.exit_code, done.stderr) == (0, "")
    told = " ".join(done.stdout.split())
    for part in expected(raised[-1]):
        assert part in told


def expected(alert: Alert) -> list[str]:
    return [
        "Customer a As of 2024-06-22 00:00 UTC; spend since 2024-01-04 12:00 UTC; frustration 1.85 nats.",
        "spend, USD 0.00 0.00 80.00 700.00 1500.00",
        "2024-06-02 00:00 UTC 1.85 nats inbound, voice, billing: unresolved 1.85",
        "Open episode: alert, since 2024-06-02 00:00 UTC",
        f"alert_id {alert.alert_id}",
        "anchor k1 (voice, billing)",
        "log-odds any customer -2.94, contacts +1.85, spend +",
        "usual spend 10.00 USD a day",
        "spend since 0.00 USD in 20.0 days, worth 0.0 usual days",
        "spend before 1500.00 USD in 364 days",
        f"how it ends {alert.clears_when}",
        "deadline 2024-08-31 01:00 UTC",
        f"ruleset {alert.ruleset}",
    ]


def test_the_story_of_a_silent_episode() -> None:
    """There is no anchor, but a time since when spend fell."""
    worker = FakeWorker(silent_dataset(), SILENT)
    assert worker.partition is not None
    wait(worker.partition, HOME + 175 * DAY_MS)
    told = " ".join(ask(worker).stdout.split())
    assert "Open episode: alert, since 2024-06-27 00:00 UTC" in told
    assert "anchor none: spend fell by itself from 2024-05-30 00:00 UTC on" in told
    assert "log-odds any customer -6.21, contacts +0.00, spend +8.07 nats" in told
    assert "spend since 30.00 USD in 28.0 days" in told


@pytest.mark.parametrize("left_alone", [False, True])
def test_whoever_asked_not_to_be_got_in_touch_with_is_shown_as_such(left_alone: bool) -> None:
    worker = troubled()
    assert worker.partition is not None
    worker.partition.apply(Input.CUSTOMERS, [profile("a", TROUBLE, left_alone=left_alone)])
    wait(worker.partition, TROUBLE + 20 * DAY_MS)
    assert ("Asked not to be got in touch with." in ask(worker).stdout) == left_alone
    told = json.loads(ask(worker, arguments=("a", "--json")).stdout)
    assert told["do_not_contact"] is left_alone


@pytest.mark.parametrize(("named", "shared"), [((), False), (("a",), True)])
def test_an_id_that_many_share_is_shown_as_such(named: tuple[str, ...], shared: bool) -> None:
    worker = troubled(rules=replace(RULES, shared_ids=named))
    assert worker.partition is not None
    wait(worker.partition, TROUBLE + 20 * DAY_MS)
    told = ask(worker).stdout
    assert ("An id that many share: set apart, no episode opens for it." in told) == shared
    assert ("No open episode." in told) == shared
    assert json.loads(ask(worker, arguments=("a", "--json")).stdout)["shared"] is shared


def test_two_ids_of_one_customer_are_shown_as_such() -> None:
    worker = troubled()
    partition = worker.partition
    assert partition is not None
    partition.apply(Input.TRANSACTIONS, [Merge("a", "crm", "m1", TROUBLE + 2 * HOUR_MS, "new")])
    partition.move(dict.fromkeys(FACTS, TROUBLE + DAY_MS))
    decide_together([partition], lambda _: 0)
    assert "Merged: the customer is new now." in ask(worker).stdout
    assert "With what was known of a." in ask(worker, arguments=("new",)).stdout
    old, new = (json.loads(ask(worker, arguments=(one, "--json")).stdout) for one in ("a", "new"))
    assert (old["merged_into"], old["merged_from"], old["contacts"]) == ("new", [], [])
    assert (new["merged_into"], new["merged_from"], len(new["contacts"])) == (None, ["a"], 1)
    assert new["open_episode"] is not None


def test_a_customer_without_troubles() -> None:
    worker = troubled()
    assert worker.partition is not None
    worker.partition.apply(CT, [notice("b", TROUBLE + 2 * HOUR_MS, notified=True)])
    told = ask(worker, arguments=("b",)).stdout
    assert "As of 2024-06-02 01:00 UTC; no spend yet; frustration 0.00 nats." in told
    assert "No contact that still counts." in told
    assert told.endswith("No open episode.\n")


def test_a_snoozed_episode_says_so() -> None:
    worker = troubled()
    assert worker.partition is not None
    alert_id = json.loads(ask(worker, arguments=("a", "--json")).stdout)["open_episode"]["alert_id"]
    until = TROUBLE + 30 * DAY_MS
    snooze = disposition("a", TROUBLE + 2 * HOUR_MS, alert_id, snooze_until=until)
    worker.partition.apply(Input.DISPOSITIONS, [snooze])
    wait(worker.partition, TROUBLE + DAY_MS)
    assert "snoozed until  2024-07-02 00:00 UTC" in ask(worker).stdout


def test_a_hold_out_episode_looks_like_none() -> None:
    assert ask(troubled(rules=HOLDOUT)).stdout.endswith("No open episode.\n")


def test_json_is_the_answer_of_the_worker() -> None:
    done = ask(troubled("ä\x9b"), arguments=("ä\x9b", "--json"))
    assert done.exit_code == 0
    assert done.stdout.isascii()
    answer = LookupAnswer.model_validate_json(done.stdout)
    assert (answer.customer_id, answer.counters.spend_7d) == ("ä\x9b", "70.00")


@pytest.mark.parametrize("as_json", [False, True])
def test_hostile_text_is_made_visible(as_json: bool) -> None:
    hostile = "[red]x[/red]\x1b[2J\x9b2J\u202e"
    arguments = (hostile, "--json") if as_json else (hostile,)
    done = ask(troubled(hostile, reason=hostile), arguments=arguments)
    assert done.exit_code == 0
    assert done.stdout.count("[red]x[/red]") >= 2
    assert not set("\x1b\x9b\u202e") & set(done.stdout)


@pytest.mark.parametrize("width", [80, 60])
def test_a_narrow_terminal_loses_nothing(width: int) -> None:
    told = ask(troubled(reason="r" * 100 + "!"), width=width).stdout
    assert max(map(len, told.splitlines())) <= width
    assert "…" not in told
    squeezed = "".join(told.split())
    assert squeezed.count("r" * 100 + "!") == 2
    for word in ("unresolved1.85", "1500.00", "1.85nats", "frustration"):
        assert word in squeezed


# Who is asked


def test_the_next_is_asked_when_one_has_not_the_customer() -> None:
    elsewhere, mine, never = FakeWorker(), troubled(), troubled()
    elsewhere.elsewhere = {"a"}
    done = ask(elsewhere, mine, never)
    assert done.exit_code == 0
    assert (elsewhere.asked, mine.asked, never.asked) == (["a"], ["a"], [])


def test_the_next_is_asked_when_one_is_down_or_is_no_worker() -> None:
    with served(troubled()) as up, speaking(b"220 mail ready\r\n") as mail:
        assert run([nobody(), mail, up], "a").exit_code == 0


def test_nobody_knows_the_customer() -> None:
    never = FakeWorker()
    done = ask(troubled(), never, arguments=("b",))
    assert (done.exit_code, refused(done)) == (66, "error: no event of that customer was accepted\n")
    assert never.asked == []


def test_nobody_answers_for_the_customer() -> None:
    elsewhere, opening, broken = FakeWorker(), FakeWorker(), FakeWorker()
    elsewhere.elsewhere, opening.opening, broken.bug = {"a"}, {"a"}, ValueError()
    with served(elsewhere) as one, served(opening) as two, served(broken) as three:
        done = run([one, two, three, nobody()], "a")
    assert done.exit_code == 69
    assert refused(done).splitlines() == [
        "error: ADDRESS: another worker has this customer",
        "error: ADDRESS: not ready, try again in a moment",
        "error: ADDRESS: answered with 500",
        "error: ADDRESS: Connection refused",
    ]


def test_a_worker_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.runtime.tools.lookup_client.ASK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = run([f"127.0.0.1:{listener.getsockname()[1]}"], "a")
    assert (done.exit_code, refused(done)) == (69, "error: ADDRESS: no answer within 0.2 s\n")


def test_an_answer_of_something_else_is_no_answer() -> None:
    body = b'{"customer_id": "secret-customer"}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with speaking(head + body) as other:
        done = run([other], "a")
    assert (done.exit_code, refused(done)) == (69, "error: ADDRESS: no answer of a worker of this release\n")


# With which token


def test_the_token_is_sent() -> None:
    worker = troubled()
    with served(worker, token=TOKEN) as address:
        assert run([address], "a", token=TOKEN).exit_code == 0
        wrong, none = run([address], "a", token="other"), run([address], "a")  # noqa: S106
    assert worker.asked == ["a"]
    for done in (wrong, none):
        assert (done.exit_code, refused(done)) == (77, "error: ADDRESS: the token is missing or wrong\n")


# With which words


@pytest.mark.parametrize("customer_id", ["", "a" * 129, "a" * 10_000, "\udcff"])
def test_what_can_be_no_id(customer_id: str) -> None:
    done = ask(FakeWorker(), arguments=(customer_id,))
    assert (done.exit_code, refused(done)) == (64, "error: a customer_id has 1 to 128 characters\n")


def test_settings_that_cannot_be_used() -> None:
    done = run(["nowhere"], "a")
    assert done.exit_code == 78
    assert refused(done).startswith("error: RETENTION_WORKER_ADDRESSES: ")


def test_help_teaches() -> None:
    told = " ".join(run(["127.0.0.1:1"], "--help").stdout.split())
    for word in ("RETENTION_WORKER_ADDRESSES", "RETENTION_TOKEN_FILE", "66 no event", "77 wrong token"):
        assert word in told
