"""msgspec structs derived from the pydantic models, so that a change in a model changes the hot decoder.

msgspec checks types, lengths, ranges and enumerations; what it cannot do cheaply, the checks of single
fields, are listed by `checks`. Rules across fields are code of whoever decodes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le, MaxLen, MinLen
from msgspec import Meta, Struct, defstruct
from pydantic import AfterValidator, FailFast, WithJsonSchema
from pydantic.fields import FieldInfo

from schemas.common import Model

Check: TypeAlias = Callable[[str], object]  # returns for a sound text, raises ValueError for another


def structs(models: Collection[type[Model]], *, loose: bool = False) -> dict[type[Struct], type[Model]]:
    """Return the structs of the models of one topic, to be decoded as a union: structs to their models.

    They refuse unknown fields, `loose` ones skip them.
    """
    return {_struct(model, tagged=len(models) > 1, loose=loose): model for model in models}


def _struct(model: type[Model], *, tagged: bool, loose: bool) -> type[Struct]:
    """Return the struct of a model, with the same fields.

    The structs of a union are tagged by `type`. A lone one has it as a field, because msgspec takes the
    missing tag of a lone struct for granted.
    """
    hints = get_type_hints(model, include_extras=True)
    fields = [
        (name, _wire(hints[name])) if info.is_required() else (name, _wire(hints[name]), info.default)
        for name, info in model.model_fields.items()
        if not (tagged and name == "type")
    ]
    tag = get_args(hints["type"])[0] if tagged else None
    tag_field = "type" if tagged else None
    return defstruct(
        *(model.__name__, fields),
        tag_field=tag_field,
        tag=tag,
        forbid_unknown_fields=not loose,
        kw_only=True,
        gc=False,
    )


def checks(model: type[Model]) -> list[tuple[str, Check]]:
    """Return the checks that msgspec leaves undone: (field, function that raises ValueError)."""
    hints = get_type_hints(model, include_extras=True)
    return [(name, check) for name in model.model_fields for check in _checks(hints[name])]


def _wire(hint: Any) -> Any:
    origin = get_origin(hint)
    if origin is Annotated:
        base, *rules = get_args(hint)
        limits = _limits(rules)
        return Annotated[_wire(base), Meta(**limits)] if limits else _wire(base)
    if origin in {Union, UnionType}:
        return reduce(or_, map(_wire, get_args(hint)))
    return hint


def _limits(rules: Iterable[object]) -> dict[str, Any]:
    return {key: value for rule in rules for key, value in _limit(rule).items()}


def _limit(rule: object) -> dict[str, Any]:
    match rule:
        case MinLen(length):
            return {"min_length": length}
        case MaxLen(length):
            return {"max_length": length}
        case Ge(bound):
            return {"ge": bound}
        case Le(bound):
            return {"le": bound}
        case FieldInfo(metadata=rules):
            return _limits(rules)
        case AfterValidator() | WithJsonSchema() | FailFast():
            return {}
        case _:
            raise TypeError(f"a rule that the hot decoder does not know: {type(rule).__name__}")


def _checks(hint: Any) -> Iterator[Check]:
    if get_origin(hint) is Annotated:
        for rule in get_args(hint)[1:]:
            if isinstance(rule, AfterValidator):
                yield cast("Check", rule.func)
    elif get_origin(hint) in {Union, UnionType}:
        for part in get_args(hint):
            yield from _checks(part)
