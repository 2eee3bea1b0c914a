"""`bridge preview`: what would be sent for the newest alerts; nothing is."""

import json
from collections import deque
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from schemas.alert import Alert
from schemas.topics import ALERTS
from streams.console import ERRORS, Exit, failed, or_exit
from streams.crm.bridge.process import now_ms
from streams.crm.payload.case import case_of
from streams.crm.payload.template import Template, TemplateError
from streams.crm.wire import Kind, Rendered, Request
from streams.runtime.commands.common import (
    admin_or_exit,
    crm_settings_or_exit,
    settings_or_exit,
    topic_or_exit,
)
from streams.runtime.http.lookup import LookupAnswer
from streams.runtime.tools.alert_reader import alert_reader
from streams.runtime.tools.lookup_client import BadIdError, NoAnswerError, WrongTokenError, look_up
from streams.settings import Settings

_KINDS = {"raised": Kind.CREATE, "updated": Kind.UPDATE, "resolved": Kind.CLOSE}


def preview_command(
    *,
    last: Annotated[int, typer.Option("--last", min=1, help="For so many of the newest alerts.")] = 3,
    alerts: Annotated[
        Path | None,
        typer.Option("--alerts", help="Alerts of a file, as `replay --alerts` writes, instead of the topic."),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", help="Another form than RETENTION_CRM_TEMPLATE.", show_default=False),
    ] = None,
) -> None:
    """Show the requests that the bridge would make for the newest alerts; it makes none.

    With the topic, workers are asked how things stand now, as the bridge does. It prints what is in the
    alerts. The signature is left out: it is made anew for each try. So is the account, which is known from
    the profiles that a bridge reads, and who would be admitted: see `bridge deliveries`.
    """
    crm, settings = crm_settings_or_exit(template=template), settings_or_exit()
    with or_exit({TemplateError: Exit.CONFIG}):
        form = Template.load(crm.template)
    found = _of_topic(settings, last) if alerts is None else _of_file(alerts, last)
    if not found:
        typer.echo("there are no alerts yet", err=True)
    for alert in found:
        kind = _KINDS[alert.state]
        case = case_of(
            alert,
            kind,
            _now(settings, alert) if alerts is None else None,
            account_id=None,
            others_of_account=0,
            internal_only=alert.do_not_contact,
            canary=alert.customer_id.startswith(crm.canary_prefix),
            refreshed_at=now_ms(),
        )
        with or_exit({TemplateError: Exit.BAD_DATA}):
            _show(alert, kind, form.render(case, kind, alert.event_id), crm.url or "(RETENTION_CRM_URL)")


def _of_topic(settings: Settings, last: int) -> list[Alert]:
    with admin_or_exit(settings) as admin:
        topic = topic_or_exit(admin, settings, ALERTS, "`retention-signals topics create` makes it")
        with alert_reader(settings, topic.name, topic.partitions, new=False) as reader:
            every = [one for one in reader.existing() if isinstance(one, Alert)]
    return sorted(every, key=lambda one: one.time)[-last:]


def _of_file(path: Path, last: int) -> list[Alert]:
    try:
        with path.open("rb") as lines:
            return [Alert.model_validate_json(line) for line in deque(lines, maxlen=last)]
    except OSError as error:
        raise failed(f"{path} cannot be read: {error.strerror}", Exit.NO_INPUT) from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise failed(
            f"{path}: not alerts of `replay --alerts`: {where}: {first['type']}", Exit.BAD_DATA
        ) from None


def _now(settings: Settings, alert: Alert) -> LookupAnswer | None:
    try:
        return look_up(
            settings.worker_addresses,
            settings.web_token(),
            alert.customer_id,
            ca_file=settings.worker_ca_file,
        )
    except (NoAnswerError, WrongTokenError, BadIdError) as error:
        first, *_ = str(error).splitlines()
        ERRORS.print(f"note: no figures of now: {first}", markup=False, highlight=False)
        return None


def _show(alert: Alert, kind: Kind, rendered: Rendered | None, url: str) -> None:
    typer.echo(f"# {kind} {alert.event_id}")
    if rendered is None:
        typer.echo("(this template sends nothing here)\n")
        return
    if rendered.find is not None:
        find = rendered.find
        typer.echo(f"GET {url}{find.path}\n# and if the answer holds {find.id_at}:")
        _show_request(find.found, url)
        typer.echo("# else:")
    _show_request(rendered.request, url)
    typer.echo()


def _show_request(request: Request, url: str) -> None:
    typer.echo(f"{request.method} {url}{request.path}")
    for name, value in request.headers.items():
        typer.echo(f"{name}: {value}")
    typer.echo(_pretty(request.body))


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=True)
    except ValueError:
        return repr(body)
