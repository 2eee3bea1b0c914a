"""What browsers can ask of the desk."""

import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import parse_qsl, quote

from aiohttp import web

from streams.core.ruleset import Ruleset
from streams.desk.acting.actions import Actions, Answer
from streams.desk.acting.wish import WishError, undo_of, wish_of
from streams.desk.board.board import Board
from streams.desk.board.policy import KINDS, WEEKS, By, policy_of
from streams.desk.board.queue import Filters, Overview, view_of
from streams.desk.health import Health
from streams.desk.pages import words
from streams.desk.pages.policy_page import policy_page, policy_parts
from streams.desk.pages.queue_page import queue_page, queue_parts
from streams.desk.pages.shell import STATIC, Shell, files_name, render, static
from streams.desk.pages.story_page import Story, Walk, story_page, story_parts
from streams.desk.web.csv_text import policy_csv, queue_csv
from streams.desk.web.events import MOST_PAGES, Events
from streams.desk.web.guard import Guard, is_same_origin, set_cookie
from streams.runtime.http.lookup import LookupAnswer
from streams.runtime.telemetry.desk_metrics import DeskMetrics

log = logging.getLogger(__name__)

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: a form would then be sent without the origin that is checked.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Server": "retention-signals",
}
MOST_BYTES: Final = 8192
"""A form is shorter."""
_PARTS: Final = "X-Desk-Parts"
_KEPT: Final = "private, max-age=31536000, immutable"

_Handler = Callable[[web.Request, str], Awaitable[web.StreamResponse]]


class Desk(Protocol):
    """What the process tells; answers come at once, but for `look_up`."""

    board: Board
    actions: Actions
    events: Events
    metrics: DeskMetrics
    synthetic: bool
    undo_seconds: float
    rules: Ruleset

    def now_ms(self) -> int:
        """Return what time it is for the alerts."""

    def has_read(self) -> bool:
        """Return whether all is read that the topics held: before that nobody can be told what is new."""

    def health(self) -> Health:
        """Return how far to trust what is shown."""

    async def look_up(self, customer_id: str) -> LookupAnswer | None:
        """Return what a worker knows of a customer now; None if none tells."""


class Routes:
    """The routes; `guard` says who may."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk, self._guard, self._overview = desk, guard, Overview(desk.board)

    def all(self) -> Iterable[web.AbstractRouteDef]:
        """Return them, for a server."""
        files = [web.get(f"/{name}", _static(name)) for name in STATIC]
        pages = {
            "/": self._queue,
            "/alert": self._story,
            "/policy": self._policy,
            "/queue.csv": self._queue_csv,
            "/policy.csv": self._policy_csv,
            "/events": self._listen,
        }
        posts = {
            "/act": self._changing(self._act),
            "/undo": self._changing(self._undo),
            "/logout": self._log_out,
        }
        return [
            *files,
            *(web.get(path, self._for_them(handler)) for path, handler in pages.items()),
            *(web.post(path, self._for_them(handler)) for path, handler in posts.items()),
            web.get("/login", self._login_page),
            web.post("/login", self._log_in),
        ]

    def _for_them(self, handler: _Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler that answers only those who may, and of a bug tells kind and place, never data."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            session = self._guard.session(request)
            if session is None:
                return self._stranger(request)
            try:
                return await handler(request, session)
            except (ConnectionError, web.HTTPException):
                raise
            except Exception as error:  # noqa: BLE001 - a bug must not show data, nor end the desk
                at = traceback.extract_tb(error.__traceback__)[-1]
                log.error("a request failed: %s at %s:%s", type(error).__name__, at.name, at.lineno)  # noqa: TRY400
                return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")

        return guarded

    def _stranger(self, request: web.Request) -> web.Response:
        if not self._guard.has_token:
            return _error(HTTPStatus.FORBIDDEN, "without a token only loopback names are answered")
        if request.method == "GET" and request.path != "/events" and _PARTS not in request.headers:
            return _to("/login")
        return _error(HTTPStatus.UNAUTHORIZED, "log in first")

    def _shell(self, page: str, session: str) -> Shell:
        desk = self._desk
        return Shell(
            page,
            desk.events.place,
            self._guard.csrf(session),
            desk.health(),
            desk.undo_seconds,
            self._guard.has_token,
            desk.synthetic,
            desk.now_ms(),
        )

    # Pages

    async def _queue(self, request: web.Request, session: str) -> web.Response:
        now, filters = self._desk.now_ms(), Filters.of(request.query)
        shell = self._shell("queue", session)
        found = self._overview.queue(filters, now)
        if _PARTS in request.headers:
            return _parts(queue_parts(found, filters, shell, now), shell)
        return _html(queue_page(found, filters, shell, now))

    async def _story(self, request: web.Request, session: str) -> web.Response:
        entry = self._desk.board.get(request.query.get("id", ""))
        if entry is None:
            shell = self._shell("story", session)
            return _html(render("gone.html.jinja", shell=shell), HTTPStatus.NOT_FOUND)
        lookup = await self._desk.look_up(entry.customer_id)
        # Only now: they were asked for while the worker was.
        now, shell, filters = self._desk.now_ms(), self._shell("story", session), Filters.of(request.query)
        walk = self._walk(entry.alert_id, filters, now)
        story = Story(entry, filters, walk, lookup, self._desk.rules, now)
        if _PARTS in request.headers:
            return _parts(story_parts(story, shell), shell)
        return _html(story_page(story, shell))

    def _walk(self, alert_id: str, filters: Filters, now_ms: int) -> Walk:
        ids = [one.alert_id for one in self._overview.queue(filters, now_ms).entries]
        if alert_id not in ids:
            return Walk(total=len(ids), after=ids[0] if ids else None)
        at = ids.index(alert_id)
        return Walk(at + 1, len(ids), ids[at - 1] if at else None, ids[at + 1] if at + 1 < len(ids) else None)

    async def _policy(self, request: web.Request, session: str) -> web.Response:
        shell = self._shell("policy", session)
        if _PARTS in request.headers:
            return _parts(policy_parts(shell), shell)
        by, weeks = _grouped(request)
        groups = policy_of(self._desk.board, by, weeks, self._desk.now_ms())
        currency = next((one.currency for one in self._desk.board), "")
        return _html(policy_page(groups, by, weeks, currency, shell))

    async def _queue_csv(self, request: web.Request, _session: str) -> web.Response:
        found = self._overview.queue(Filters.of(request.query), self._desk.now_ms())
        return _csv("queue.csv", queue_csv(found.entries))

    async def _policy_csv(self, request: web.Request, _session: str) -> web.Response:
        groups = policy_of(self._desk.board, *_grouped(request), self._desk.now_ms())
        return _csv("policy.csv", policy_csv(groups))

    async def _listen(self, request: web.Request, _session: str) -> web.StreamResponse:
        events = self._desk.events
        if events.pages >= MOST_PAGES:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages listen")
        place = request.headers.get("Last-Event-ID") or request.query.get("from", "")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        try:
            await response.prepare(request)
            async for text in events.since(place):
                await response.write(text.encode())
        except ConnectionError:
            pass  # the page has gone
        return response

    # What changes something

    def _changing(self, does: Callable[[web.Request, Mapping[str, str]], web.Response]) -> _Handler:
        """Return a handler of a form: of a page of ours alone, and only once all that is known is read."""

        async def handler(request: web.Request, session: str) -> web.Response:
            form = await _form(request)
            if not self._guard.is_ours(request, session, form.get("csrf", "")):
                return _told(
                    request, form, HTTPStatus.FORBIDDEN, error="it was not sent from a page of the desk"
                )
            if not self._desk.has_read():
                return _told(request, form, HTTPStatus.SERVICE_UNAVAILABLE, error="the desk is still reading")
            try:
                return does(request, form)
            except WishError as error:
                return _told(request, form, HTTPStatus.UNPROCESSABLE_ENTITY, error=str(error))

        return handler

    def _act(self, request: web.Request, form: Mapping[str, str]) -> web.Response:
        wish = wish_of(form, self._desk.now_ms())
        answer = self._desk.actions.act(wish)
        self._desk.metrics.dispositions.labels(answer.value).inc()
        match answer:
            case Answer.HELD:
                return _told(request, form, HTTPStatus.ACCEPTED, status="held")
            case Answer.SEEN:
                phase = self._desk.actions.phase(wish.action_id)
                return _told(request, form, HTTPStatus.OK, status="seen", phase=phase)
            case Answer.UNKNOWN:
                return _told(request, form, HTTPStatus.NOT_FOUND, error="there is no such alert any more")
            case Answer.CONFLICT:
                now = self._now(wish.alert_id)
                return _told(request, form, HTTPStatus.CONFLICT, error="it has changed", now=now)
            case Answer.AWAY:
                return _told(
                    request, form, HTTPStatus.SERVICE_UNAVAILABLE, error="the desk can't take it just now"
                )

    def _now(self, alert_id: str) -> str:
        """Return how an alert stands, in words."""
        entry, now = self._desk.board.get(alert_id), self._desk.now_ms()
        if entry is None:
            return "gone"
        if not entry.is_open:
            return f"resolved, {entry.resolution}"
        view = view_of(entry, now)
        parts = [f"revision {entry.revision}", entry.level, words.standing(entry.standing, now)]
        return ", ".join([*parts, *(["past its deadline"] if view == "overdue" else [])])

    def _undo(self, request: web.Request, form: Mapping[str, str]) -> web.Response:
        if self._desk.actions.undo(*undo_of(form)):
            return _told(request, form, HTTPStatus.OK, status="undone")
        return _told(request, form, HTTPStatus.CONFLICT, error="too late", now="written already")

    # Logging in

    async def _login_page(self, _request: web.Request) -> web.Response:
        return _html(render("login.html.jinja", wrong="", files=files_name()))

    async def _log_in(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if not is_same_origin(request):
            return _error(HTTPStatus.FORBIDDEN, "it was not sent from a page of the desk")
        try:
            cookie = await self._guard.log_in(request, form.get("token", ""))
        except web.HTTPTooManyRequests as error:
            refused = _login_again(f"{error.reason}.".capitalize(), HTTPStatus.TOO_MANY_REQUESTS)
            refused.headers["Retry-After"] = error.headers["Retry-After"]
            return refused
        if cookie is None:
            return _login_again("That is not the token.", HTTPStatus.UNAUTHORIZED)
        response = _to("/")
        set_cookie(response, request, cookie)
        return response

    async def _log_out(self, request: web.Request, session: str) -> web.Response:
        form = await _form(request)
        if not self._guard.is_ours(request, session, form.get("csrf", "")):
            return _error(HTTPStatus.FORBIDDEN, "it was not sent from a page of the desk")
        response = _to("/login")
        set_cookie(response, request, "")
        return response


def _login_again(wrong: str, status: HTTPStatus) -> web.Response:
    return _html(render("login.html.jinja", wrong=wrong, files=files_name()), status)


def _grouped(request: web.Request) -> tuple[By, int]:
    by, weeks = request.query.get("by", ""), request.query.get("weeks", "")
    return (
        next((kind for kind in KINDS if kind == by), KINDS[0]),
        next((one for one in WEEKS if str(one) == weeks), WEEKS[0]),
    )


async def _form(request: web.Request) -> Mapping[str, str]:
    """Return the fields of a form that are text; of other bodies, and of those that can't be read, none."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        given = await request.post()
    except (LookupError, ValueError):  # an encoding that there isn't, or that it isn't in
        return {}
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _told(request: web.Request, form: Mapping[str, str], code: HTTPStatus, /, **said: str) -> web.Response:
    """Return what became of a form: JSON for the script, else back to the story, or why nothing was done."""
    if "application/json" in request.headers.get("Accept", ""):
        return web.json_response(said, status=code)
    if code < HTTPStatus.BAD_REQUEST:
        back = "".join(f"&{quote(name)}={quote(value)}" for name, value in parse_qsl(form.get("back", "")))
        return _to(f"/alert?id={quote(form['alert_id'], safe='')}{back}")
    why = ": ".join(said.values())
    return _html(render("refused.html.jinja", why=why, files=files_name()), code)


def _static(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(
            body=static(name),
            headers={"Content-Type": f"{STATIC[name]}; charset=utf-8", "Cache-Control": _KEPT},
        )

    return handler


def _html(text: str, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status)


def _parts(html: Mapping[str, str], shell: Shell) -> web.Response:
    return web.json_response({"html": html, "csrf": shell.csrf, "files": shell.files})


def _csv(name: str, text: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=text, content_type="text/csv", headers=headers)


def _to(where: str) -> web.Response:
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": where})


def _error(status: HTTPStatus, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
