"""The two pages of the sandbox, as text: all cases by value at risk, and one case with what can be done.

Everything that came from outside is escaped, and what a page or a terminal might obey is made visible.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from streams.console import visible
from streams.sandbox import words
from streams.sandbox.case import Case
from streams.sandbox.desk import SNOOZE_DAYS, Turned
from streams.sandbox.store import Counts, Delivery, Sent

OPEN_SHOWN: Final = 500
RESOLVED_SHOWN: Final = 100


def of_cases(ranked: Sequence[Case], counts: Counts) -> str:
    """Return the page of all cases, given in their order; of very many the first ones."""
    waiting = [case for case in ranked if case.is_open]
    ended = [case for case in ranked if not case.is_open]
    return (
        _templates()
        .get_template("cases.html.jinja")
        .render(
            waiting=waiting[:OPEN_SHOWN],
            ended=ended[:RESOLVED_SHOWN],
            more_waiting=max(0, len(waiting) - OPEN_SHOWN),
            more_ended=max(0, len(ended) - RESOLVED_SHOWN),
            synthetic=sum(case.synthetic for case in ranked),
            total=len(ranked),
            counts=counts,
        )
    )


def of_case(case: Case, deliveries: Sequence[Delivery], sent: Sequence[Sent]) -> str:
    """Return the page of one case: what it says, what came of it, and what the desk told the bridge."""
    raw = json.dumps(case.fields, indent=2, ensure_ascii=False).split("\n")
    return (
        _templates()
        .get_template("case.html.jinja")
        .render(
            case=case,
            facts=words.facts(case),
            deliveries=deliveries,
            sent=sent,
            raw=raw,
            outcomes=[(one.value, one.value.replace("_", " ")) for one in Turned],
            snooze_days=SNOOZE_DAYS,
        )
    )


@cache
def style() -> str:
    """Return the style sheet of both."""
    return files(__package__).joinpath("templates", "style.css").read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        chance=words.chance,
        level=words.level,
        minute=lambda ms: words.minute(datetime.fromtimestamp(ms / 1000, UTC)),
        money=words.money,
        stands=words.stands,
        until=words.until,
        who=words.who,
        wish=words.wish,
    )
    return templates


def _shown(value: object) -> object:
    # Markup is a str too, but the templates' own and already safe.
    return visible(value) if type(value) is str else value
