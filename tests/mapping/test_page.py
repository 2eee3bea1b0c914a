"""docs/mapping.md names all there is in a mapping, and its example works."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from streams.mapping import config
from streams.mapping.expression import FUNCTIONS
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import Draft, Meta, Skipped

PAGE = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text(encoding="utf-8")
SPANS = re.findall(r"(`+)(.+?)\1", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
CODE = set(re.findall(r"\w+", " ".join(code for _, code in SPANS)))
"""The words that stand in the page as code."""
TABLES = (
    *(config.Config, config.Source, config.Skip, config.Event, config.Follow, config.FieldMapping),
    *(config.Lookup, config.Rates, config.Merged),
)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.__name__))
def test_every_key_is_named(table: type[BaseModel]) -> None:
    keys = {info.alias or name for name, info in table.model_fields.items()}
    assert keys - CODE == set()


def test_every_function_is_named() -> None:
    assert set(FUNCTIONS) - CODE == set()


def test_the_example_works() -> None:
    text = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)[0]
    mapping = Mapping(config.parse(text, folder=Path(), name="example"), "EUR")
    row = {"Order No": "1", "Customer": "c", "Phone": "", "Date": "05.03.2026 10:00", "Status": "paid"}
    (bought,) = mapping.map("orders", row | {"Total": "1.042,50 €"}, Meta())
    assert isinstance(bought, Draft)
    assert (bought.fields["amount"], bought.fields["time"]) == ("1042.5", "2026-03-05T09:00:00.000Z")
    (back,) = mapping.map("orders", row | {"Total": "-2,00 €"}, Meta())
    assert isinstance(back, Draft)
    assert (back.fields["kind"], back.fields["event_id"]) == ("refund", "refund-1")
    (skipped,) = mapping.map("orders", row | {"Total": "1,00 €", "Status": "cancelled"}, Meta())
    assert isinstance(skipped, Skipped)
