"""The commands `crm-sandbox`, `crm-sandbox cases | dispose | secret`."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.console import Console

from streams.console import Exit, failed, or_exit, visible
from streams.sandbox.case import ranked
from streams.sandbox.desk import BridgeUrlError, Desk, DeskError, Status, Turned
from streams.sandbox.faults import FaultSettings
from streams.sandbox.server import HOST, PortError, Sandbox
from streams.sandbox.signatures import MAKE_ONE, Keys, SecretError, load_keys, new_secret
from streams.sandbox.store import Sent, Store, StoreError
from streams.sandbox.table import table_of
from streams.serving.certificates import CertificateError
from streams.serving.exposure import (
    BEHIND_PROXY,
    CERTIFICATE_FILE,
    KEY_FILE,
    TOKEN_FILE,
    Exposure,
)
from streams.serving.exposure import (
    MAKE_ONE as MAKE_A_TOKEN,
)

crm_sandbox = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class TokenError(Exception):
    """A file of a token that can't be used; the message never holds it."""


_EXITS: Final[dict[type[Exception], Exit]] = {
    SecretError: Exit.CONFIG,
    StoreError: Exit.CONFIG,
    PortError: Exit.CONFIG,
    CertificateError: Exit.CONFIG,
    TokenError: Exit.CONFIG,
    BridgeUrlError: Exit.USAGE,
    DeskError: Exit.BAD_DATA,
}
_Db = Annotated[Path, typer.Option("--db", help="SQLite file with the cases and every delivery.")]
_DB: Final = Path("crm-sandbox.db")
_Secret = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        envvar="RETENTION_CRM_SECRET_FILE",
        help=f"The secrets that are shared with the bridge, a line each; the first signs. {MAKE_ONE}.",
    ),
]
_Bridge = Annotated[
    str,
    typer.Option(
        "--bridge",
        envvar="RETENTION_CRM_BRIDGE_URL",
        metavar="URL",
        help="Where dispositions go: the bridge; /dispositions is added.",
    ),
]
_AllowHttp = Annotated[
    bool,
    typer.Option(
        "--allow-http",
        envvar="RETENTION_CRM_ALLOW_HTTP",
        help="The bridge may be off loopback without TLS: for a network that nobody else is on.",
    ),
]
_BRIDGE: Final = "http://127.0.0.1:8080"
_TimeOfCase = Annotated[
    bool,
    typer.Option(
        "--time-of-case",
        help="A disposition is of just before its case's figures instead of now: for history (event clock).",
    ),
]


@crm_sandbox.callback(invoke_without_command=True)
def sandbox_command(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes any free one.")
    ] = 8090,
    host: Annotated[
        str, typer.Option(help="Address to listen on; off loopback a token is needed, and TLS or a proxy.")
    ] = HOST,
    token_file: Annotated[
        Path | None,
        typer.Option(envvar=TOKEN_FILE, help=f"Whoever sees the pages has to know it. {MAKE_A_TOKEN}."),
    ] = None,
    certificate_file: Annotated[
        Path | None, typer.Option(envvar=CERTIFICATE_FILE, help="PEM file of a certificate: serve over TLS.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(envvar=KEY_FILE, help="PEM file of that certificate's key.")
    ] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", envvar=BEHIND_PROXY, help="TLS ends before this server.")
    ] = False,
    db: _Db = _DB,
    secret_file: _Secret = None,
    bridge: _Bridge = _BRIDGE,
    allow_http: _AllowHttp = False,
    time_of_case: _TimeOfCase = False,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Mark every case that comes as synthetic, as in the demo.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(metavar="N", help="At most N requests a second; over it 429 with Retry-After."),
    ] = None,
    fail: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of requests that are answered with 500.")
    ] = 0.0,
    refuse: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of requests that are refused with 422.")
    ] = 0.0,
    slow: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of requests that are answered late.")
    ] = 0.0,
    slow_seconds: Annotated[float, typer.Option(metavar="S", help="How late that is.")] = 5.0,
    hang: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of requests that are never answered.")
    ] = 0.0,
    after_effect: Annotated[
        bool,
        typer.Option(
            "--after-effect",
            help="Fail, slow and hang come after the case was stored: the sender can't know that it was.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed and order of requests give the same faults.")] = 1,
) -> None:
    """Run a small stand-in for a CRM on this machine, for demo and tests, until SIGTERM or Ctrl-C.

    It takes cases at /webhook if they are signed (Standard Webhooks), shows them as a page, by value at risk,
    and sends what you decide there to the bridge as signed dispositions. /cases.json and /deliveries.json
    hold the same for programs. It can be told to misbehave, also while it runs: POST a JSON object of rate,
    fail, refuse, slow, slow_seconds, hang, after_effect or seed to /faults.
    """
    if context.invoked_subcommand is not None:
        _check_no_options(context)
        return
    try:
        faults = FaultSettings(
            rate=rate,
            fail=fail,
            refuse=refuse,
            slow=slow,
            slow_seconds=slow_seconds,
            hang=hang,
            after_effect=after_effect,
            seed=seed,
        )
    except ValidationError as error:
        raise failed(_first(error), Exit.USAGE) from None
    with or_exit(_EXITS):
        keys, token = _keys(secret_file), _token(token_file)
        exposure = Exposure(host, token, certificate_file, key_file, behind_proxy)
        problems = "\n".join(exposure.problems())
        if problems:
            raise failed(problems, Exit.CONFIG)
        with Store(db) as store:
            desk = Desk(store, keys, bridge, time_of_case=time_of_case, allow_http=allow_http)
            sandbox = Sandbox(store, keys, desk, faults, synthetic=synthetic, exposure=exposure)
            asyncio.run(_serve(sandbox, port))


@crm_sandbox.command("cases")
def cases_command(
    *,
    db: _Db = _DB,
    as_json: Annotated[
        bool, typer.Option("--json", help="One case a line, with all that came, in the same order.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Show only the first N.", metavar="N")] = None,
) -> None:
    """Print the cases: open ones first, by value at risk. The sandbox may be running."""
    with or_exit({StoreError: Exit.NO_INPUT}), Store(db, create=False) as store:
        cases, counts = ranked(store.cases()), store.counts()
    if as_json:
        for case in cases[:limit]:
            typer.echo(json.dumps(case.as_json()))
        return
    if cases:
        Console().print(table_of(cases[:limit]))
    waiting = sum(case.is_open for case in cases)
    typer.echo(
        f"{waiting:,} open, {len(cases) - waiting:,} resolved; {counts.messages:,} messages, "
        f"duplicates that changed nothing: {counts.duplicates:,}"
    )
    synthetic = sum(case.synthetic for case in cases)
    if synthetic:
        whose = "all of them" if synthetic == len(cases) else f"{synthetic:,} of them"
        typer.echo(f"{whose} synthetic: made for a demo or a test")


@crm_sandbox.command("dispose")
def dispose_command(  # noqa: PLR0913 - one for each option
    alert_id: Annotated[
        str, typer.Argument(metavar="ALERT_ID", help="The case, as `cases --json` names it.")
    ],
    *,
    status: Annotated[Status, typer.Option(help="How far the work has come.")],
    outcome: Annotated[Turned | None, typer.Option(help="What it turned out to be.")] = None,
    snooze_days: Annotated[
        float | None, typer.Option(min=0, max=3660, help="Raise nothing more for so many days.")
    ] = None,
    action: Annotated[str | None, typer.Option(help="What was done: call.")] = None,
    db: _Db = _DB,
    secret_file: _Secret = None,
    bridge: _Bridge = _BRIDGE,
    allow_http: _AllowHttp = False,
    time_of_case: _TimeOfCase = False,
) -> None:
    """Send a disposition to the bridge, as the buttons of the page do, and print its answer.

    Exit code 65 if the bridge refused it, 69 if it could not take it.
    """
    with or_exit({**_EXITS, StoreError: Exit.NO_INPUT}):
        keys = _keys(secret_file)
        with Store(db, create=False) as store:
            desk = Desk(store, keys, bridge, time_of_case=time_of_case, allow_http=allow_http)
            sent = asyncio.run(
                desk.tell(alert_id, status, outcome=outcome, action=action, snooze_days=snooze_days)
            )
    if sent.accepted:
        typer.echo(f"the bridge took it: {sent.status} {visible(sent.answer)}")
        return
    raise failed(_not_accepted(sent), _code(sent))


@crm_sandbox.command("secret")
def secret_command() -> None:
    """Print a new secret, to be kept in a file that the bridge and the sandbox read."""
    typer.echo(new_secret())


async def _serve(sandbox: Sandbox, port: int) -> None:
    stopping = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stopping.set)
    url = await sandbox.start(port)
    typer.echo(f"CRM sandbox at {url}/ (webhook: {url}/webhook); Ctrl-C ends it")
    try:
        await stopping.wait()
    finally:
        await sandbox.stop()


def _keys(secret_file: Path | None) -> Keys:
    if secret_file is None:
        raise SecretError(f"--secret-file is missing, the secret shared with the bridge: {MAKE_ONE}")
    return load_keys(secret_file)


def _token(token_file: Path | None) -> str | None:
    if token_file is None:
        return None
    try:
        token = token_file.read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise TokenError(f"{token_file} cannot be read: {error.strerror}; {MAKE_A_TOKEN}") from error
    if not token.strip():
        raise TokenError(f"{token_file} is empty; {MAKE_A_TOKEN}")
    return token


def _check_no_options(context: typer.Context) -> None:
    """End the command if an option of the server stands before another command: it would do nothing."""
    sources = {one.opts[0]: context.get_parameter_source(str(one.name)) for one in context.command.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise failed(f"write {given[0]} after {context.invoked_subcommand}, if it has it", Exit.USAGE)


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    name = "".join(f"--{part}: " for part in first["loc"]).replace("_", "-")
    return f"{name}{first['msg'].removeprefix('Value error, ')}"


def _not_accepted(sent: Sent) -> str:
    answer = visible(sent.answer)
    return answer if sent.status is None else f"the bridge answered {sent.status}: {answer}"


def _code(sent: Sent) -> Exit:
    return Exit.UNAVAILABLE if sent.status is None or sent.status >= 500 else Exit.BAD_DATA
