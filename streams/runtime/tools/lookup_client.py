"""Lookup of one customer: workers are asked one after the other until one answers for it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

from pydantic import ValidationError

from streams.addresses import split_address
from streams.runtime.http.lookup import LookupAnswer

ASK_SECONDS: Final = 5.0
_MOST_BYTES: Final = 16 << 20


class WrongTokenError(Exception):
    """A worker wants another token; the message says which worker."""


class BadIdError(Exception):
    """A worker won't take what was asked for as a customer_id."""


class NoAnswerError(Exception):
    """No worker answered for the customer; the message has a line for each that was asked."""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes


def look_up(addresses: Sequence[str], token: str | None, customer_id: str) -> LookupAnswer | None:
    """Return what the worker that has the customer's partition knows; None if it knows nothing.

    Raises WrongTokenError, BadIdError and NoAnswerError.
    """
    reasons: list[str] = []
    for address in addresses:
        try:
            reply = _ask(address, token, customer_id)
        except (OSError, HTTPException) as error:
            reasons.append(f"{address}: {_failure_reason(error)}")
            continue
        match reply.status:
            case HTTPStatus.OK:
                return _parsed(address, reply.body)
            case HTTPStatus.NOT_FOUND:
                return None
            case HTTPStatus.UNAUTHORIZED:
                raise WrongTokenError(f"{address}: the token is missing or wrong")
            case HTTPStatus.BAD_REQUEST | HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise BadIdError("a customer_id has 1 to 128 characters")
            case status:
                reasons.append(f"{address}: {_status_reason(status)}")
    raise NoAnswerError("\n".join(reasons))


def _ask(address: str, token: str | None, customer_id: str) -> _Reply:
    host, port = split_address(address)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection = HTTPConnection(host, port, timeout=ASK_SECONDS)
    try:
        connection.request("POST", "/lookup", json.dumps({"customer_id": customer_id}), headers)
        response = connection.getresponse()
        return _Reply(response.status, response.read(_MOST_BYTES))
    finally:
        connection.close()


def _parsed(address: str, body: bytes) -> LookupAnswer:
    try:
        return LookupAnswer.model_validate_json(body)
    except ValidationError as error:
        raise NoAnswerError(f"{address}: no answer of a worker of this release") from error


def _status_reason(status: int) -> str:
    match status:
        case HTTPStatus.MISDIRECTED_REQUEST:
            return "another worker has this customer"
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return "not ready, try again in a moment"
        case _:
            return f"answered with {status}"


def _failure_reason(error: OSError | HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {ASK_SECONDS:g} s"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
