"""Money on the wire (decimal text) and inside (int hundredths of the reporting currency)."""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal

from schemas.faults import decimal_fault

AMOUNT_PLACES = 6
RATE_PLACES = 12
DECIMAL_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,6})?$"
RATE_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,12})?$"
ZERO_PATTERN = r"^[0.]*$"
CURRENCY_PATTERN = r"^[A-Z]{3}$"
CENTS_PATTERN = r"^-?[0-9]+\.[0-9]{2}$"
MAX_CENTS = 10**14
"""What the largest amount on the wire rounds to; a conversion may not go beyond it."""

_DECIMAL = re.compile(DECIMAL_PATTERN)
_RATE = re.compile(RATE_PATTERN)
_CURRENCY = re.compile(CURRENCY_PATTERN)
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def check_amount(text: str) -> str:
    """Return `text` if it is a decimal from 0 up with up to 12 digits and 6 places; else ValueError."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(decimal_fault(text, AMOUNT_PLACES))
    return text


def is_zero(text: str) -> bool:
    """Return whether an amount or a rate, as it is accepted, is 0 before any rounding."""
    return not text.strip("0.")


def check_rate(text: str) -> str:
    """Return `text` if it is a decimal above 0 with up to 12 digits and 12 places; else ValueError."""
    if not _RATE.fullmatch(text):
        raise ValueError(decimal_fault(text, RATE_PLACES))
    if is_zero(text):
        raise ValueError("0; a rate is above 0")
    return text


def check_currency(text: str) -> str:
    """Return `text` if it is shaped like an ISO 4217 code; else ValueError."""
    if not _CURRENCY.fullmatch(text):
        small = _CURRENCY.fullmatch(text.upper())
        raise ValueError("small letters; write USD" if small else "not an ISO 4217 code, such as USD")
    return text


def to_cents(amount: str, rate: str) -> int:
    """Return `amount` times `rate` in hundredths, half-even, which may be 0; both as they are accepted."""
    converted = _EXACT.multiply(Decimal(amount), Decimal(rate))
    return int(_EXACT.quantize(_EXACT.multiply(converted, Decimal(100)), Decimal(1)))


def format_cents(cents: int) -> str:
    """Return hundredths as decimal text with 2 places."""
    whole, places = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{places:02}"
