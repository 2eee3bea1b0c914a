"""How hostile text, money, chances and times read to people, in a fixed number of characters."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from streams.console import visible


def clip(text: str, most: int) -> str:
    """Return the text cut to `most` characters, the last an ellipsis.

    Counted as Java and JavaScript do, in units of UTF-16: what fits so fits for those who count otherwise.
    """
    units = text.encode("utf-16-le")
    if len(units) <= 2 * most:
        return text
    return units[: 2 * (most - 1)].decode("utf-16-le", "ignore") + "…"


def harmless(text: str, most: int) -> str:
    """Return text from outside in one line and cut; what can't be seen of it (controls, marks) as escapes."""
    return clip(visible(text[:most]) + ("…" if len(text) > most else ""), most)


def harmless_id(text: str, most: int) -> str:
    """Return an id likewise; one of dots alone, which means a folder in a path, as escapes too."""
    return clip(text.replace(".", "\\u002e"), most) if not text.strip(".") else harmless(text, most)


def money(amount: str, currency: str) -> str:
    """Return decimal text as `1,234.56 USD`."""
    return f"{Decimal(amount):,.2f} {currency}"


def rough_money(amount: str, currency: str) -> str:
    """Return decimal text as `1,235 USD`, with its cents below 100."""
    value = Decimal(amount)
    if abs(value) < 100:
        return money(amount, currency)
    return f"{value.quantize(Decimal(1), ROUND_HALF_EVEN):,} {currency}"


def chance(probability: float) -> str:
    """Return a probability as whole percent, never as certainty, which no evidence gives."""
    if probability < 0.01:
        return "less than 1 %"
    if probability > 0.99:
        return "more than 99 %"
    return f"{probability * 100:.0f} %"


def days(number: float) -> str:
    """Return `1 day`, `44 days`."""
    whole = round(number)
    return "1 day" if whole == 1 else f"{whole:,} days"


def day(time: str) -> str:
    """Return the day of a UtcTime: `3 Jan 2018`."""
    when = datetime.fromisoformat(time)
    return f"{when.day} {when:%b %Y}"


def minute(time: str) -> str:
    """Return the minute of a UtcTime: `3 Jan 2018 14:05 UTC`."""
    return f"{day(time)} {datetime.fromisoformat(time):%H:%M} UTC"
