"""The fields of a case: the generic JSON, and what templates can name."""

from typing import Annotated, Final, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import Strict

from schemas.alert import NonNegative, Probability
from schemas.common import MAX_INT, Cents, Count, Currency, Model, UtcTime
from schemas.contact import Channel
from streams.crm.wire import Kind

MOST_TITLE: Final = 100
MOST_TEXT: Final = 255
"""Of an id, an owner, a line: as much as a short text field of a CRM takes."""
MOST_DESCRIPTION: Final = 8_000

Title = Annotated[str, MinLen(1), MaxLen(MOST_TITLE)]
Text = Annotated[str, MaxLen(MOST_TEXT)]
Level = Literal["watch", "alert"]
State = Literal["open", "no_longer_open", "resolved"]
Priority = Literal["urgent", "high", "normal"]
Resolution = Literal["returned", "expired", "closed", "withdrawn", "erased", "merged"]


class CaseContact(Model):
    """The bad contact that it began with."""

    ended_at: UtcTime | None
    """When it ended; null if it was still open, and for a notice."""
    channel: Channel | None
    """How they spoke; null for a notice."""
    reason: Text | None
    """What it was about, in the words of the contact centre's own list."""


class Case(Model):
    """A customer who may be leaving, as a desk needs to see it.

    Money is decimal text in `currency`. Figures that would be out of date are null rather than old. Text is
    plain, in one line but for `description`; ids and reasons have their unseen characters as escapes, and
    are cut.
    """

    kind: Kind
    """What this message does: create the case, update it, refresh its figures, close it."""
    alert_id: Annotated[Text, MinLen(1)]
    """What the case is about; the same in all its messages, and in the dispositions that answer it."""
    revision: Annotated[int, Ge(1), Le(MAX_INT)]
    """The revision of the alert that it was made from."""
    customer_id: Annotated[Text, MinLen(1)]
    """The customer."""
    account_id: Text | None
    """The account that the customer belongs to; null if none is known."""
    others_of_account: Count
    """How many other alerts of that account are open."""
    synthetic: bool
    """Whether it is about a customer of the canary, who does not exist: to be ignored."""
    title: Title
    """All of it in a line."""
    priority: Priority
    """How soon somebody should look."""
    level: Level
    """How sure we are: `watch` from even odds on, `alert` from 4 to 1 on; the highest that was reached."""
    state: State
    """Where it stands. `no_longer_open`: it has ended, and the message that closes it is on its way."""
    resolution: Resolution | None
    """How it was resolved; null until then."""
    standing: Text
    """Where it stands, in a sentence."""
    summary: Text
    """What happened, in a sentence."""
    what_happened: Annotated[tuple[Text, ...], Strict(strict=False)]
    """The same in pieces, the heaviest first."""
    contact: CaseContact | None
    """The bad contact; null where silence alone raised it."""
    probability: Probability | None
    """The chance that the customer is leaving; null once it is no longer open."""
    spend_since: Cents | None
    """Spend since the contact, or since spend began to fall."""
    usual_spend_per_day: Cents
    """What was usual before."""
    recurring_per_day: Cents
    """Subscription charges a day before."""
    days_since: NonNegative | None
    """Days since then, without those of a broken feed."""
    value_at_risk: Cents | None
    """What 90 days without the customer would cost, times the chance."""
    currency: Currency
    """The currency of all money here."""
    clears_when: Text
    """What would clear it, in a sentence."""
    deadline: UtcTime
    """Until when there is something to win: day 90."""
    snoozed_until: UtcTime | None
    """The desk asked not to hear of it before."""
    owner: Text | None
    """Who should take it."""
    internal_only: bool
    """The customer asked not to be got in touch with: put right what went wrong, call nobody."""
    as_of: UtcTime
    """The time that the figures are of."""
    figures_of: Literal["now", "alert"]
    """Whether a worker told how things stand, or the figures are those of the alert."""
    refreshed_at: UtcTime | None
    """When the worker was asked, by the wall clock; null where it did not tell."""
    ruleset: Text
    """Version and hash of the rules that decided."""
    description: Annotated[str, MinLen(1), MaxLen(MOST_DESCRIPTION)]
    """All of the above for people, in lines of plain text."""
