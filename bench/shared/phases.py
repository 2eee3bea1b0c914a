"""Where the time goes: seconds by phase."""

import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

Spent = defaultdict[str, float]


def timed(function: Callable[_P, _T], spent: Spent, phase: str) -> Callable[_P, _T]:
    """Return the function with the seconds of each call counted as those of a phase."""

    @wraps(function)
    def wrapper(*arguments: _P.args, **named: _P.kwargs) -> _T:
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent[phase] += time.perf_counter() - started

    return wrapper
