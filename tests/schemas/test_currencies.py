"""What people type for a currency: a code of ISO 4217, else a word of what one looks like."""

import pytest

from schemas.currencies import CURRENCIES, check_known_currency


@pytest.mark.parametrize("code", ["USD", "EUR", "JPY", "ZWG"])
def test_a_currency_of_the_world_is_taken(code: str) -> None:
    assert check_known_currency(code) == code


@pytest.mark.parametrize("code", ["XXQ", "US", "usd", ""])
def test_another_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=r"curren|code|letters"):
        check_known_currency(code)


def test_the_list_is_whole() -> None:
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
    assert len(CURRENCIES) > 150
