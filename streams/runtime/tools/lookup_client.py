"""Lookup of one customer: workers are asked one after the other until one answers for it."""

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from streams.addresses import HTTPS, split_address
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


@lru_cache(maxsize=2)
def worker_tls(ca_file: Path | None) -> ssl.SSLContext:
    """Return how workers are talked to over TLS; the system's authorities without a file. Raises OSError."""
    return ssl.create_default_context(cafile=ca_file)


def look_up(
    addresses: Sequence[str], token: str | None, customer_id: str, *, ca_file: Path | None = None
) -> LookupAnswer | None:
    """Return what the worker that has the customer's partition knows; None if it knows nothing.

    `ca_file` has the authorities of those that are talked to over TLS. Raises WrongTokenError, BadIdError and
    NoAnswerError.
    """
    reasons: list[str] = []
    for address in addresses:
        try:
            reply = _ask(address, token, customer_id, ca_file)
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


def _ask(address: str, token: str | None, customer_id: str, ca_file: Path | None) -> _Reply:
    host, port = split_address(address.removeprefix(HTTPS))
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection = HTTPConnection(host, port, timeout=ASK_SECONDS)
    if address.startswith(HTTPS):
        connection = HTTPSConnection(host, port, timeout=ASK_SECONDS, context=worker_tls(ca_file))
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
        case HTTPStatus.TOO_MANY_REQUESTS:
            return "too many wrong tokens came from here, try again in a minute"
        case _:
            return f"answered with {status}"


def _failure_reason(error: OSError | HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {ASK_SECONDS:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
