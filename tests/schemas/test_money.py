"""Amounts, rates and currencies, to the hundredth."""

import pytest

from schemas.cache import Cache, cents
from schemas.dead_letter import Reason
from schemas.events import Refusal, Transaction
from schemas.hot import Decoder
from schemas.money import format_cents, to_cents
from tests.schemas.lines import FULL, PRICE, PURCHASE, Message, read_message

SOUND = ["1", "01", "000000000000.01", "0.000001", "999999999999", "12.5", "0.1", "00.10"]
ZERO = ["0", "0.0", "000.000000"]
WRONG = [
    *("", ".5", "5.", "-1", "+1", "1e3", "1,5", " 1", "1 ", "1\n", "1_000"),
    *("1000000000000", "1.2.3", "NaN", "inf", "\u0661", "1.\u0662", "\u00b2", "0x1", "$1"),
    *(1, 1.5, True, [], {}),
]


SOUND_RATES = [
    *SOUND,
    "1.0000000",
    "0.00003925",
    "1.084312345",
    "0.000000000001",
    "999999999999.999999999999",
]


@pytest.mark.parametrize(
    ("name", "sound", "wrong"),
    [
        ("amount", [*SOUND, *ZERO], [*WRONG, "1.0000000"]),
        ("previous_amount", [*SOUND, *ZERO], [*WRONG, "1.0000000"]),
        ("exchange_rate", SOUND_RATES, [*WRONG, *ZERO, "0.000000000000", "1.0000000000000", "3.9E-5"]),
    ],
)
def test_a_decimal_is_text_with_12_digits_and_6_places_of_an_amount_12_of_a_rate_which_is_above_0(
    name: str, sound: list[str], wrong: list[object]
) -> None:
    for currency in ("USD", "EUR"):
        kind = FULL["transaction"] if name == "previous_amount" else PURCHASE
        message = kind | {"amount": "0.01", "currency": currency, "exchange_rate": "1"}
        events = [read_message(message, **{name: text}) for text in sound]
        assert all(isinstance(event, Transaction) for event in events)
        refusals = [read_message(message, **{name: text}) for text in wrong]
        assert {event.reason for event in refusals if isinstance(event, Refusal)} == {Reason.SCHEMA}
        assert not any(isinstance(event, Transaction) for event in refusals)


# 0:   purchase, correction (now and before), new price |   refund, chargeback, fee, charge, old price
@pytest.mark.parametrize("zero", ZERO)
def test_an_order_may_be_free_but_nobody_gives_back_nothing(zero: str) -> None:
    assert money(amount=zero) == money(kind="subscription_changed", amount=zero) == 0
    assert money(amount=zero, currency="EUR", exchange_rate="1.5") == 0
    assert money(amount=zero, currency="EUR") is Reason.CURRENCY
    assert before(FULL["transaction"], amount=zero, previous_amount=zero) == 0
    for kind in ("refund", "chargeback", "fee", "subscription_charge"):
        for amount, verdict in ((zero, Reason.SCHEMA), ("0.000001", 0), ("0.01", 1)):
            assert money(kind=kind, amount=amount) == verdict
    assert before(PRICE, previous_amount=zero) is Reason.SCHEMA
    assert before(PRICE, previous_amount="0.000001") is None
    assert before(PRICE, previous_amount="0.01") == 1


@pytest.mark.parametrize(
    ("amount", "rate", "expected"),
    [
        *[("10", "1.0845", 1084), ("10", "1.0855", 1086), ("1", "0.004999999999", 0)],
        *[("999999999999", "1", 99_999_999_999_900), ("999999999999", "1.000001", Reason.CURRENCY)],
    ],
)
def test_the_amount_before_is_converted_by_the_same_rate(amount: str, rate: str, expected: object) -> None:
    changes: Message = {"amount": "1", "currency": "EUR", "exchange_rate": rate, "previous_amount": amount}
    assert before(FULL["transaction"], **changes) == expected
    assert before(PRICE, **changes) == (expected or None)
    assert before(PRICE, **changes | {"exchange_rate": None}) is Reason.CURRENCY
    home = to_cents(amount, "1")
    assert before(FULL["transaction"], **changes | {"currency": "USD"}) == home


def before(message: Message, **changes: object) -> int | Reason | None:
    event = read_message(message, **changes)
    assert isinstance(event, Transaction | Refusal)
    return event.previous_cents if isinstance(event, Transaction) else event.reason


def money(**changes: object) -> int | Reason:
    event = read_message(PURCHASE, **changes)
    assert isinstance(event, Transaction | Refusal)
    return event.cents if isinstance(event, Transaction) else event.reason


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        *[("37.45", 3745), ("5", 500), ("5.1", 510), ("0.01", 1), ("0.000001", 0)],
        # half to even: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, and either side of a tie
        *[("0.004999", 0), ("0.005", 0), ("0.005001", 1)],
        *[("0.014999", 1), ("0.015", 2), ("0.015001", 2)],
        *[("0.024999", 2), ("0.025", 2), ("0.025001", 3)],
        # the largest that the pattern allows
        *[("999999999999.99", 10**14 - 1), ("999999999999.994999", 10**14 - 1)],
        *[("999999999999.995", 10**14), ("999999999999.999999", 10**14)],
    ],
)
def test_an_amount_of_the_reporting_currency(amount: str, expected: object) -> None:
    assert money(amount=amount) == expected


@pytest.mark.parametrize(
    ("amount", "rate", "expected"),
    [
        *[("10", "1.0843", 1084), ("10", "1.0845", 1084), ("10", "1.0855", 1086), ("1", "150.25", 15025)],
        *[("1", "0.125", 12), ("3", "0.125", 38), ("1", "0.124999", 12), ("1", "0.125001", 13)],
        *[("0.000001", "0.000001", 0), ("0.3", "0.333333", 10), ("999999999999.99", "1", 10**14 - 1)],
        *[("999999999999", "1.000000", 99_999_999_999_900), ("999999999999", "1.000001", Reason.CURRENCY)],
        *[("499999999999.994999", "2", 10**14 - 1), ("500000000000", "2", 10**14)],
        *[("500000000000.005", "2", Reason.CURRENCY), ("5", "0", Reason.SCHEMA)],
        *[("1000000", "0.00003925", 3925), ("1000000", "1.084312345", 108_431_234)],
        # either side of a tie, by the last place
        *[("1", "0.004999999999", 0), ("1", "0.005000000000", 0), ("1", "0.005000000001", 1)],
        # a rate that makes nothing of a small amount is no mistake
        *[("10", "0.000499999999", 0), ("0.000001", "0.000000000001", 0)],
        ("499999999999.994999", "2.000000000000", 10**14 - 1),
        ("999999999999", "1.000000000001", 10**14),
        ("999999999999.999999", "999999999999.999999", Reason.CURRENCY),
    ],
)
def test_an_amount_is_converted_then_rounded_half_to_even(amount: str, rate: str, expected: object) -> None:
    assert money(amount=amount, currency="EUR", exchange_rate=rate) == expected


def test_another_currency_needs_a_rate() -> None:
    assert money(currency="EUR") is Reason.CURRENCY
    assert money(currency="EUR", exchange_rate=None) is Reason.CURRENCY
    assert money(currency="EUR", exchange_rate="2") == 7490


def test_in_the_reporting_currency_a_rate_converts_nothing() -> None:
    assert money(exchange_rate="2") == 3745


@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "", "U$D", "USD\n", " USD", "\u0410BC", 840, True])
def test_a_currency_is_3_capital_letters(currency: object) -> None:
    assert money(currency=currency, exchange_rate="1") is Reason.SCHEMA
    assert money(kind="subscription_cancelled", amount=None, currency=currency) is Reason.SCHEMA


def test_the_reporting_currency_is_a_setting() -> None:
    raw = b'{"type":"transaction","event_id":"e","customer_id":"c","time":"2024-03-05T14:23:11Z",'
    raw += b'"source":"s","kind":"fee","amount":"2","currency":"JPY"}'
    yen, dollars = Decoder("JPY").transactions(raw), Decoder().transactions(raw)
    assert isinstance(yen, Transaction)
    assert yen.cents == 200
    assert isinstance(dollars, Refusal)
    assert dollars.reason is Reason.CURRENCY
    with pytest.raises(ValueError, match="small letters; write USD"):
        Decoder("yen")


def test_amount_and_currency_are_required_unless_a_subscription_is_cancelled() -> None:
    for missing in ({"amount": None}, {"currency": None}, {"amount": None, "currency": None}):
        assert money(**missing) is Reason.SCHEMA
        assert money(**missing, exchange_rate="2") is Reason.SCHEMA
    cancelled: dict[str, object] = {"kind": "subscription_cancelled"}
    assert money(**cancelled) is Reason.SCHEMA
    assert money(**cancelled, currency="EUR") is Reason.SCHEMA
    for currency in (None, "USD", "EUR"):
        assert money(**cancelled, amount=None, currency=currency) == 0
        assert money(**cancelled, amount=None, currency=currency, exchange_rate="2") == 0
        assert money(**cancelled, amount=None, currency=currency, exchange_rate="-1") is Reason.SCHEMA


@pytest.mark.parametrize(
    ("units", "expected"),
    [(0, 0), (49, 0), (50, 0), (51, 1), (149, 1), (150, 2), (151, 2), (249, 2), (250, 2), (251, 3)],
)
def test_cents_rounds_half_to_even(units: int, expected: int) -> None:
    assert cents(units, 100) == expected


@pytest.mark.parametrize(
    ("hundredths", "text"),
    [(0, "0.00"), (1, "0.01"), (-1, "-0.01"), (99, "0.99"), (100, "1.00"), (-12_345, "-123.45")],
)
def test_money_is_stated_with_2_places(hundredths: int, text: str) -> None:
    assert format_cents(hundredths) == text


def test_a_cache_is_bounded_and_keeps_nothing_that_does_not_read() -> None:
    read: list[str] = []

    def length(text: str) -> int:
        read.append(text)
        if not text:
            raise ValueError
        return len(text)

    cache = Cache(length, limit=2)
    assert [cache[text] for text in ("a", "bb", "a", "bb")] == [1, 2, 1, 2]
    assert read == ["a", "bb"]
    with pytest.raises(ValueError, match=r"^$"):
        cache[""]
    assert cache == {"a": 1, "bb": 2}
    assert cache["ccc"] == 3
    assert cache == {"ccc": 3}
