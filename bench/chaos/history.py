"""Generated histories for the rows that hurt workers and brokers, and how they reach the topics."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

from bench.chaos.place import Place
from bench.chaos.wire import Sender
from streams.core.watermark import FACTS
from streams.lab.generate import GenerateOptions, Population, generate
from streams.settings import Settings
from tests.kafka.feeds import Raw, planned, spread

_STEP: Final = 0.02
_ARRIVAL_SECONDS: Final = 300.0
_PURCHASES: Final = 1.2
"""Drawn for each event that is wanted: boycotts take many away again, contacts and refunds come on top."""


def history(place: Place, settings: Settings, events: int, name: str = "history") -> list[Raw]:
    """Return about so many records of a synthetic year, many bad contacts among them, in order of time."""
    directory = place.folder / name
    directory.mkdir()
    generate(
        directory,
        GenerateOptions(
            population=Population.SYNTHETIC,
            seed=place.rng.randrange(1 << 31),
            customers=max(200, events // 250),
            transactions=round(events * _PURCHASES),
            contact_rate=8.0,
            severe_share=0.5,
        ),
    )
    return spread(settings, planned(settings, directory))


def send_all(settings: Settings, records: Sequence[Raw]) -> None:
    """Write records as fast as it goes."""
    with feeding(settings, records, rate=0):
        pass


class Feed:
    """Writes records at a rate in a thread of its own, those of the side inputs before all others."""

    def __init__(self, settings: Settings, records: Sequence[Raw], rate: float) -> None:
        self._sender = Sender(settings, message_seconds=_ARRIVAL_SECONDS)
        self._records, self._rate = records, rate
        self._hurry = Event()
        self._allowed = len(records)
        self.failure: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether there is still something to write."""
        return self._thread.is_alive()

    @property
    def sent(self) -> int:
        """How many records were given to the client."""
        return self._sender.sent

    @property
    def told(self) -> str:
        """How far it is: whoever waits in vain must know whether there was something to wait for."""
        state = "at work" if self.busy else "at its end"
        return (
            f"the feed is {state}: {self._sender.sent:,} of {len(self._records):,} given to the "
            f"client, allowed {self._allowed:,}, not yet taken {self._sender.waiting:,}, "
            f"failed {self._sender.failed:,}; failure: {self.failure!r}"
        )

    def allow(self, share: float) -> None:
        """Write on up to this share of the records: so a slow machine has some left for each trial."""
        self._allowed = min(len(self._records), max(1, round(share * len(self._records))))

    def finish(self) -> None:
        """Write the rest at once, and wait until the broker has all."""
        self._hurry.set()
        self._thread.join(_ARRIVAL_SECONDS)
        assert not self.busy, "the broker does not take what is sent"
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            self._write()
            self._sender.flush(_ARRIVAL_SECONDS)
        except BaseException as error:  # noqa: BLE001 - it is raised by whoever waits
            self.failure = error

    def _write(self) -> None:
        began, facts = time.monotonic(), False
        for number, one in enumerate(self._records):
            if one.source in FACTS and not facts:
                self._sender.flush(_ARRIVAL_SECONDS)
                facts, began = True, time.monotonic() - number / (self._rate or 1)
            while not self._hurry.is_set() and self._is_early(number, time.monotonic() - began):
                self._sender.poll()
                time.sleep(_STEP)
            self._sender.put(one.source, one.partition, one.key, one.value)

    def _is_early(self, number: int, seconds: float) -> bool:
        return number >= self._allowed or (self._rate > 0 and number / self._rate > seconds)


@contextmanager
def feeding(settings: Settings, records: Sequence[Raw], rate: float) -> Iterator[Feed]:
    """Write records at a rate (0: as fast as it goes) while the context lasts, and the rest at its end."""
    feed = Feed(settings, records, rate)
    try:
        yield feed
    except AssertionError as error:
        error.add_note(feed.told)
        raise
    finally:
        feed._hurry.set()  # noqa: SLF001 - whatever happened, it must not go on for long
    feed.finish()


def text_of(folder: Path) -> str:
    """Return all that processes wrote into the logs of a folder."""
    return "\n".join(one.read_text(encoding="utf-8", errors="replace") for one in folder.glob("*.log"))
