"""The language of expressions: JMESPath, our functions, exact numbers, and what is said when it fails."""

from decimal import Decimal
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.mapping.expression import FUNCTIONS, ExpressionError, compiled, number, plain
from streams.mapping.functions import Functions

HIDDEN = "c-4711"


@pytest.mark.parametrize(
    ("text", "record", "found"),
    [
        ("a", {"a": 1}, 1),
        ("a.b.c", {"a": {"b": {"c": "x"}}}, "x"),
        ("a.b", {"a": [1]}, None),
        ("a.b", {}, None),
        ("a || b", {"a": "", "b": 2}, 2),
        ("a && b", {"a": 0, "b": 2}, 2),  # 0 is not nothing
        ("!a", {"a": []}, True),
        ("!(a.b) && !a || !a | @", {"a": {"b": 1}}, False),
        ("!length(a)", {"a": ""}, False),
        ("paid && 'yes' || 'no'", {"paid": False}, "no"),
        ("a == `1.5`", {"a": Decimal("1.5")}, True),
        ("a == `0.1`", {"a": Decimal("0.1")}, True),
        ("lines[?price > `10`].id", {"lines": [{"id": 1, "price": Decimal("10.5")}, {"id": 2}]}, [1]),
        ("sum(prices)", {"prices": [Decimal("0.1"), Decimal("0.2"), 1]}, Decimal("1.3")),
        ("max(prices)", {"prices": [Decimal("0.1"), 1]}, 1),
        ("sort_by(legs, &n)[0].n", {"legs": [{"n": Decimal("2.5")}, {"n": 1}]}, 1),
        ("not_null(orders, [@])", {"id": 1}, [{"id": 1}]),
        ("not_null(orders, [@])", {"orders": []}, []),
        ("total([a, b])", {"a": "0.1", "b": Decimal("0.2")}, Decimal("0.3")),
        ("total([a, b])", {"a": "0.1"}, None),
        ("total(a)", {}, None),
        ("total(a)", {"a": []}, Decimal(0)),
        ("plus(a, b)", {"a": "1.10", "b": 2}, Decimal("3.10")),
        ("minus(a, b)", {"a": "1", "b": "2.5"}, Decimal("-1.5")),
        ("minus(a, b)", {"a": "1"}, None),
        ("times(a, `3`)", {"a": "33.333333"}, Decimal("99.999999")),
        ("times(a, b)", {"a": "9" * 14, "b": "9" * 14}, Decimal(int("9" * 14) ** 2)),
        ("positive(a)", {"a": "-3.50"}, Decimal("3.50")),
        ("round(a, `2`)", {"a": Decimal("27.499999999999996")}, Decimal("27.50")),
        ("round(a, `2`)", {"a": "0.125"}, Decimal("0.12")),
        ("plus(a, `0`)", {"a": 0.1}, Decimal("0.1")),  # as Avro and Protobuf have it
        ("seconds(a, b)", {"a": "2024-03-01T12:00:00Z", "b": "2024-03-01T13:01:30.5+01:00"}, Decimal("90.5")),
        ("seconds(a, b)", {"a": "2024-03-01T12:00:00Z"}, None),
        ("text(a)", {"a": Decimal("12.50")}, "12.5"),
        ("text(a)", {"a": True}, "true"),
        ("join('-', [text(store), till])", {"store": 4, "till": "b"}, "4-b"),
        ("lower(a)", {"a": "VIP"}, "vip"),
        ("split(a, ',')", {"a": "vip, new"}, ["vip", "new"]),
        ("split(a, '')", {"a": "vip"}, ["vip"]),
        ("replace(a, '$', '')", {"a": "$12"}, "12"),
        ("replace(a, '$', '')", {"a": None}, None),
    ],
)
def test_what_an_expression_finds(text: str, record: Any, found: Any) -> None:
    assert compiled(text)(record) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a[", "is no JMESPath expression"),
        ("", "is no JMESPath expression"),
        ("nothere(a)", "calls nothere(), which there is not"),
        ("a && b[?nothere(@)]", "calls nothere()"),
        ("map(&nothere(@), a)", "calls nothere()"),
        ("plus(a)", "gives plus() 1 arguments, and it takes 2"),
        ("!a.b", "write !(a.b), not !a.b"),
        ("c && !a.b[?c].d", "write !(a.b), not !a.b"),
        ("not_null()", "gives not_null() 0 arguments"),
    ],
)
def test_an_expression_that_can_never_work_is_refused_at_once(text: str, told: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compiled(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plus(a, '1')", HIDDEN),
        ("plus(a, '1')", True),
        ("plus(a, '1')", "NaN"),
        ("plus(a, '1')", float("inf")),
        ("plus(a, '1')", "1e999999999"),
        ("plus(a, '1')", "1" * 29),
        pytest.param("plus(a, '1')", 10**5000, id="5000 digits"),
        ("total(a)", HIDDEN),
        ("total(a)", [HIDDEN]),
        ("round(a, a)", "1.5"),
        ("seconds(a, a)", HIDDEN),
        ("seconds(a, a)", 17),
        ("text(a)", [HIDDEN]),
        ("lower(a)", 4711),
        ("sum(a)", [HIDDEN]),
        ("sort_by(@, &a)", {"x": HIDDEN}),
        ("contains('abc', a)", 4711),  # JMESPath raises Python's own error
        ("a[*].nothere.length(@)", [{"nothere": 4711}]),
    ],
)
def test_what_does_not_fit_raises_an_error_without_the_value(text: str, value: object) -> None:
    with pytest.raises(ExpressionError) as error:
        compiled(text)({"a": value})
    assert "4711" not in str(error.value)
    assert "1111" not in str(error.value)


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
    )
)
def test_plain_paths_and_conditions_are_those_of_jmespath(record: Any) -> None:
    for text in (
        "a",
        "a.b",
        "a.b.c",
        "a || b",
        "a && b",
        "!a",
        "a == b",
        "a.b == 'x'",
        "a != `1`",
        "a && b || c",
    ):
        assert compiled(text)(record) == jmespath.search(text, record)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6))
def test_numbers_are_exact_and_written_without_exponent(value: Decimal) -> None:
    assert number(plain(value)) == value
    assert "e" not in plain(value).lower()


def test_every_function_says_how_it_is_called() -> None:
    assert {"total", "plus", "minus", "seconds", "round"} <= set(FUNCTIONS)
    for name in FUNCTIONS:
        assert f"`{name}(" in getattr(Functions, f"_func_{name}").__doc__


@pytest.mark.parametrize("text", ["ceil(x)", "floor(x)"])
@pytest.mark.parametrize("written", ["1e20000", "-1e20000"])
def test_a_number_beyond_all_bounds_does_not_take_for_ever(text: str, written: str) -> None:
    assert compiled(text)({"x": Decimal("7.0")}) == 7
    with pytest.raises(ExpressionError, match="not a number"):
        compiled(text)({"x": Decimal(written)})
