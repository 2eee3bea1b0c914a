"""The events of a directory, as a replay takes them in."""

from collections.abc import Iterator
from pathlib import Path

from schemas.dead_letter import Reason
from schemas.events import Refusal
from schemas.hot import Decoder
from streams.check.check import Check
from streams.console import OnProgress
from streams.core.watermark import FACTS, FUTURE_MS, Input
from streams.files import find, look_alikes, not_read, unreadable
from streams.lab.inputs.arrivals import arrivals
from streams.lab.inputs.arrived import Arrived


def read_directory(
    check: Check, directory: Path, *, currency: str, now_ms: int, on_progress: OnProgress
) -> None:
    """Let a check take the events of a directory; raises InputError if it can't be read.

    The side inputs come first, then of the fact inputs the one that is behind.
    """
    decoder, paths = Decoder(currency), find(directory)
    done, total = dict.fromkeys(paths, 0), sum(path.stat().st_size for path in paths.values())
    files: dict[Input, Iterator[Arrived]] = {}
    for source, path in paths.items():
        form = unreadable(path)
        if form is None:
            files[source] = arrivals(path, decoder.of(source), now_ms + FUTURE_MS, by_time=False)
        else:
            check.take(source, b"", Refusal(Reason.NOT_JSON, f"the file is {form}"))
    for source, path in look_alikes(directory, paths).items():
        check.take(source, b"", Refusal(Reason.NOT_JSON, not_read(source, path)))
    for source, arrived in _in_order(check, files):
        for raw, record in zip(arrived.lines, arrived.records, strict=True):
            check.take(source, raw, record)
        done[source] = arrived.bytes_read
        on_progress(sum(done.values()), total)


def _in_order(check: Check, files: dict[Input, Iterator[Arrived]]) -> Iterator[tuple[Input, Arrived]]:
    for source in (one for one in files if one not in FACTS):
        for arrived in files[source]:
            yield source, arrived
    waiting = {one: files[one] for one in FACTS if one in files}
    while waiting:
        behind = min(waiting, key=check.reached)
        following = next(waiting[behind], None)
        if following is None:
            del waiting[behind]
        else:
            yield behind, following
