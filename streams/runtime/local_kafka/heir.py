"""Ends the broker of a process that ended without doing it: `python -m` this, with the folder of the broker.

It waits on a pipe that only that process holds. Whatever ends it, also a kill, closes the pipe.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_DONE: Final = b"done"
_SECONDS: Final = 30.0


@contextmanager
def ended_with_us(folder: Path) -> Iterator[None]:
    """Have the broker of a folder ended if this process ends while the context lasts; its data go with it."""
    heir = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", __name__, str(folder.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the process that it watches
    )
    try:
        yield
    finally:
        heir.communicate(_DONE, timeout=_SECONDS)


def main(folder: Path) -> None:
    """Wait for the end of whoever started us, and end its broker unless it said that it is done."""
    if os.read(sys.stdin.fileno(), len(_DONE)) == _DONE:
        return
    from streams.runtime.local_kafka.broker import LocalKafka  # noqa: PLC0415 - seldom needed

    LocalKafka(folder).down(erase=True, kill=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
