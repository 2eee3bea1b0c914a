"""What an answer of the CRM means for the message. Pure."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from streams.crm.wire import Outcome, Result

MOST_RETRY_AFTER: Final = 3600.0
"""Seconds: a CRM that asks for longer is asked again after an hour."""
_AGAIN: Final = frozenset({408, 425})
_WRONG_SETTING: Final = frozenset({401, 403, 404, 405, 410})
"""Said of all messages alike: a wrong secret, a wrong path, a webhook that was taken away."""
_CONFLICT: Final = frozenset({409, 423})
"""The case is being changed by somebody else, or an earlier try of this very message is still at work: CRMs
answer so while a key of idempotency is in use, or a record is locked. It passes, and is no fault of the
endpoint; should it not pass, the message is given up in time as any other."""
_GONE: Final = frozenset({404, 410})
"""Where the request is about a case that was there, somebody may have deleted it in the CRM, which works."""
_PAGE: Final = Outcome(Result.RETRY, "page", 0.0, endpoint=True, unclear=True)
"""A login or a notice of a proxy, whatever its status says."""
_SLOWER_SECONDS: Final = 1.0
"""After 429 without a Retry-After."""
_SECONDS: Final = re.compile("[0-9]{1,9}")


def outcome_of(
    status: int, retry_after: str | None, now_s: float, *, is_page: bool = False, of_case: bool = False
) -> Outcome:
    """Return what became of a message whose request was answered, without the seconds that it took.

    `retry_after` is the text of the header, `now_s` the wall clock in seconds since 1970. `is_page`: a page
    for people came back. `of_case`: it was about a case that the CRM has had, and made none.
    """
    if 200 <= status < 300:
        return _PAGE if is_page else Outcome(Result.DELIVERED, "ok", 0.0)
    if 300 <= status < 400:
        return Outcome(Result.RETRY, "redirect", 0.0, endpoint=True)
    reason = _reason(status)
    gone = of_case and status in _GONE
    if gone or status in _CONFLICT:
        return Outcome(Result.RETRY, reason, 0.0, gone=gone)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = seconds_to_wait(retry_after, now_s)
        return Outcome(Result.RETRY, reason, 0.0, _SLOWER_SECONDS if wait is None else wait, slower=True)
    if status in _AGAIN or status in _WRONG_SETTING or not 400 <= status < 500:
        wait = seconds_to_wait(retry_after, now_s) if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        unclear = status == HTTPStatus.REQUEST_TIMEOUT or not 400 <= status < 500
        return Outcome(Result.RETRY, reason, 0.0, wait, endpoint=True, unclear=unclear)
    return Outcome(Result.REFUSED, reason, 0.0)


def seconds_to_wait(retry_after: str | None, now_s: float) -> float | None:
    """Return the seconds of a Retry-After, at most an hour; None if there is none that can be read.

    It is a number of seconds or a date, RFC 9110, section 10.2.3.
    """
    text = (retry_after or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), MOST_RETRY_AFTER)
    try:
        when = parsedate_to_datetime(text)
        at = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, at - now_s), MOST_RETRY_AFTER)


def _reason(status: int) -> str:
    """Return the word for a status: one of those that have a meaning, so that the set is closed."""
    try:
        return f"status_{HTTPStatus(status).value}"
    except ValueError:
        return f"status_{status // 100}xx" if 400 <= status < 600 else "status_odd"
