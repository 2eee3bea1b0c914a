"""Generated messages: any of the fields of a type, mostly sound."""

from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le
from hypothesis import strategies as st

from schemas.common import Attributes, Currency, Duration, EventTime, Identifier, Money, Rate
from schemas.contact import Phrase
from tests.schemas.lines import FULL, TOPIC, Message

_DIGITS = st.sampled_from("0123456789")


def _two(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map("{:02}".format)


_TIMES = st.builds(
    "{}-{}-{}{}{}:{}{}{}".format,
    st.sampled_from(["1999", "2000", "2023", "2024", "9999"]),
    _two(1, 12),
    _two(1, 31),
    st.sampled_from("TTTTt "),
    _two(0, 24),
    _two(0, 59),
    st.one_of(
        st.just(""),
        _two(0, 60).map(":{}".format),
        st.builds(":{}.{}".format, _two(0, 60), st.text(_DIGITS, min_size=1, max_size=10)),
    ),
    st.one_of(
        st.sampled_from("ZZz"),
        st.builds(
            "{}{}{}{}".format,
            st.sampled_from("+-"),
            _two(0, 24),
            st.sampled_from(["", ":"]),
            st.one_of(st.just(""), _two(0, 60)),
        ),
    ),
)


def _decimals(most_places: int) -> st.SearchStrategy[str]:
    return st.builds(
        str.__add__,
        st.text(_DIGITS, min_size=1, max_size=12),
        st.one_of(st.just(""), st.text(_DIGITS, min_size=1, max_size=most_places).map(".{}".format)),
    )


_ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
_BY_HINT: Final[list[tuple[object, st.SearchStrategy[Any]]]] = [
    (EventTime, _TIMES),
    (Money, st.one_of(_decimals(6), st.sampled_from(["0", "0.00", "0.004"]))),
    (Rate, _decimals(12)),
    (Currency, st.sampled_from(["USD", "USD", "EUR", "usd"])),
    (Identifier, st.text(min_size=1, max_size=130)),
    (Duration, st.one_of(st.integers(0), st.floats(0, allow_infinity=False))),
    (Attributes, st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3)),
    (tuple[Phrase, ...], st.lists(st.sampled_from(get_args(Phrase)), max_size=4)),
    (str, st.text(max_size=20)),
    (bool, st.booleans()),
]


def _values(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of an annotation: mostly sound ones."""
    for known, values in _BY_HINT:
        if hint == known:
            return values
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    base, *rules = get_args(hint)
    if get_origin(hint) is Annotated and base is int:
        low: Any = next(rule.ge for rule in rules if isinstance(rule, Ge))
        high: Any = next(rule.le for rule in rules if isinstance(rule, Le))
        return st.integers(low, high)
    if get_origin(hint) is Annotated:
        return _values(base)
    assert get_origin(hint) is Union or type(None) in (base, *rules), hint
    return st.one_of(_values(base), st.none())


def messages(kind: str) -> st.SearchStrategy[Message]:
    """Return messages with any of their fields, now and then one of them with any value."""
    model = TOPIC[kind].models[kind]
    hints = get_type_hints(model, include_extras=True)
    required = {name: _values(hints[name]) for name, info in model.model_fields.items() if info.is_required()}
    optional = {name: _values(hint) for name, hint in hints.items() if name in FULL[kind].keys() - required}
    sound = st.fixed_dictionaries(required, optional=optional)
    odd = st.builds(lambda name, value: {name: value}, st.sampled_from(sorted(FULL[kind])), _ANYTHING)
    sound = st.one_of(sound.map(_as_its_kind), sound) if kind == "transaction" else sound
    return st.builds(lambda message, change: {**message, **change}, sound, st.one_of(st.just({}), odd))


def _as_its_kind(message: Message) -> Message:
    """Return a transaction without the fields that its kind has not, and with those that it must have."""
    kind = message["kind"]
    without = {"amount"} if kind == "subscription_cancelled" else set()
    without |= set() if kind in {"correction", "subscription_changed"} else {"previous_amount"}
    without |= set() if kind == "correction" else {"corrects"}
    needed = {"currency": "USD"} | dict.fromkeys({"amount", "previous_amount"} - without, "5")
    needed |= {"original_time": "2000-01-01T00:00:00Z"} if kind == "correction" else {}
    return needed | {name: one for name, one in message.items() if name not in without and one is not None}
