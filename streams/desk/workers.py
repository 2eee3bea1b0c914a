"""What the workers tell of themselves: each is asked every few seconds, as Prometheus would."""

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Final

import aiohttp
import msgspec

from streams.addresses import worker_url
from streams.desk.health import WorkerSeen
from streams.runtime.http.server import Readiness
from streams.runtime.tools.lookup_client import worker_tls
from streams.settings import Settings

_EVERY_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 3.0
_SAMPLE: Final = re.compile(rb"^(retention_[a-z_]+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_INPUT: Final = re.compile(rb'input="([a-z]+)"')
_A_WORKER: Final = b"retention_partitions_owned"


async def watch(settings: Settings, seen: list[WorkerSeen], stopping: asyncio.Event) -> None:
    """Keep what is seen of the workers up to date, until it is asked to stop."""
    token = settings.web_token()
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(_ANSWER_SECONDS)
    connector = aiohttp.TCPConnector(ssl=worker_tls(settings.worker_ca_file))
    async with aiohttp.ClientSession(timeout=timeout, headers=headers, connector=connector) as session:
        while not stopping.is_set():
            await asyncio.gather(*(_ask(session, one) for one in seen))
            try:
                async with asyncio.timeout(_EVERY_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                pass


async def _ask(session: aiohttp.ClientSession, seen: WorkerSeen) -> None:
    absent = False
    try:
        async with session.get(f"{worker_url(seen.address)}/ready", allow_redirects=False) as answer:
            body = await answer.read()
            if answer.status in {401, 403, 429}:
                seen.why = "it wants another token"
                return
        async with session.get(f"{worker_url(seen.address)}/metrics", allow_redirects=False) as answer:
            figures = await answer.read()
        readiness = msgspec.json.decode(body, type=Readiness)
    except TimeoutError:
        seen.why = f"no answer within {_ANSWER_SECONDS:g} s"
    except aiohttp.ClientConnectorDNSError:
        seen.why, absent = "nothing has that name", True
    except (aiohttp.ClientError, OSError):
        seen.why = "no connection"
    except msgspec.MsgspecError:
        seen.why = "it does not answer as a worker does"
    else:
        _take(seen, readiness, figures)
    finally:
        seen.absent = absent


def _take(seen: WorkerSeen, readiness: Readiness, figures: bytes) -> None:
    if _A_WORKER not in figures:
        seen.why = "it is no worker"
        return
    seen.heard_at, seen.why = time.monotonic(), ""
    seen.partitions = {one.number: one.state for one in readiness.partitions}
    stalled, lags, lag = set(), [], 0.0
    contacts: list[float] = []
    seen.feed_broken = seen.time_stopped = False
    for name, labels, value in _samples(figures):
        match name:
            case b"retention_feed_stalled" if value:
                found = _INPUT.search(labels)
                stalled.add(found[1].decode() if found else "an input")
            case b"retention_feed_broken" if value:
                seen.feed_broken = True
            case b"retention_time_stopped" if value:
                seen.time_stopped = True
            case b"retention_source_last_append_timestamp_seconds" if _is_of_contacts(labels):
                contacts.append(value)
            case b"retention_event_time_lag_seconds":
                lags.append(value)
            case b"retention_consumer_lag_records":
                lag += value
            case _:
                pass
    seen.stalled, seen.lag = frozenset(stalled), round(lag)
    seen.event_time_lag = max(lags, default=None)
    seen.contacts_age = time.time() - max(contacts) if contacts else None


def _is_of_contacts(labels: bytes) -> bool:
    """Return whether a source is one of contacts, and not the canary, which goes on when others stop."""
    return b'input="contacts"' in labels and b'source="canary"' not in labels


def _samples(figures: bytes) -> Iterator[tuple[bytes, bytes, float]]:
    for name, labels, value in _SAMPLE.findall(figures):
        yield name, labels, float(value)
