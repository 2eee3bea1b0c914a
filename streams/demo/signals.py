"""The demo ends the same way by any signal, and its clean-up is not interrupted."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_OTHERS: Final = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does while the context lasts; main thread only.

    Ctrl-C itself works too where a shell has it ignored, as it does for what runs in the background.
    """

    def as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = [(signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))]
    before += [(one, signal.signal(one, as_ctrl_c)) for one in _OTHERS]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore a second Ctrl-C while something is put away."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
