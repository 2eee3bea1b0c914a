"""A case as a text for people: plain, in lines, what matters most first."""

from collections.abc import Iterator

from streams.crm.payload.fields import MOST_DESCRIPTION, Case
from streams.crm.payload.plain import chance, clip, day, days, minute, money
from streams.crm.payload.words import CALL_NOBODY, SYNTHETIC


def describe(case: Case) -> str:
    """Return the text of a case; its own `description` is not looked at."""
    parts = (_heed(case), [case.summary], _what(case), _figures(case), _todo(case), _about(case))
    return clip("\n\n".join("\n".join(lines) for part in parts if (lines := list(part))), MOST_DESCRIPTION)


def _heed(case: Case) -> Iterator[str]:
    if case.synthetic:
        yield SYNTHETIC
    if case.internal_only:
        yield CALL_NOBODY
    if case.state != "open":
        yield case.standing


def _what(case: Case) -> Iterator[str]:
    if case.what_happened:
        yield "What happened, the heaviest first:"
        yield from (f"- {piece}" for piece in case.what_happened)
    if case.contact is not None:
        said = [
            "" if case.contact.channel is None else f"by {case.contact.channel}",
            "" if case.contact.ended_at is None else f"ended {minute(case.contact.ended_at)}",
            "" if case.contact.reason is None else f"about “{case.contact.reason}”",
        ]
        yield "It began with a contact" + "".join(f", {one}" for one in said if one) + "."


def _figures(case: Case) -> Iterator[str]:
    if case.probability is not None:
        yield f"Chance of leaving: {chance(case.probability)}, level {case.level}"
    if case.value_at_risk is not None:
        yield f"Value at risk: {money(case.value_at_risk, case.currency)} in 90 days"
    if case.spend_since is not None and case.days_since is not None:
        yield f"Spent since: {money(case.spend_since, case.currency)} in {days(case.days_since)}"
    yield f"Usual: {money(case.usual_spend_per_day, case.currency)} a day"
    if case.recurring_per_day != "0.00":
        yield f"By subscription: {money(case.recurring_per_day, case.currency)} a day"
    if case.figures_of == "now":
        yield f"So it stands as of {minute(case.as_of)}."
    elif case.state == "resolved":
        yield f"So it stood when it was resolved, {minute(case.as_of)}."
    else:
        yield f"So it stood at the alert, {minute(case.as_of)}; no worker told how it stands now."


def _todo(case: Case) -> Iterator[str]:
    if case.state == "open":
        yield f"Where it stands: {case.standing}"
        if case.internal_only:
            yield f"Who should put it right: {case.owner or 'the retention desk'}. Nobody calls."
        else:
            yield f"Who should call: {case.owner or 'the retention desk'}"
        passed = ", which has passed" if case.as_of > case.deadline else ""
        yield f"Until: {day(case.deadline)}{passed}"
        yield case.clears_when


def _about(case: Case) -> Iterator[str]:
    yield f"Customer: {case.customer_id}"
    if case.account_id is not None:
        others = {0: "no other open alert", 1: "1 other open alert"}.get(
            case.others_of_account, f"{case.others_of_account:,} other open alerts"
        )
        yield f"Account: {case.account_id}, {others}"
    yield f"Alert: {case.alert_id}, revision {case.revision}, rules {case.ruleset}"
