"""What `ingest` refuses before it talks to Kafka, a line for each reason."""

from pathlib import Path

import pytest

from streams.ingest.preflight import preflight
from streams.mapping.config import MappingError
from streams.runtime.startup.preflight import PreflightError
from streams.settings import Settings
from tests.ingest import feeds


def refused(tmp_path: Path, *changes: tuple[str, str]) -> list[str]:
    text = feeds.MAPPING.format(prefix="p.")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(PreflightError) as caught:
        preflight(Settings(), tmp_path / "m.toml")
    return str(caught.value).splitlines()


def test_sources_that_can_not_be_read(tmp_path: Path) -> None:
    registry = "source orders: avro needs a schema registry: set RETENTION_SCHEMA_REGISTRY_URL"
    assert refused(tmp_path) == [registry]
    assert refused(tmp_path, ('"p.calls"', '"p.calls"\nformat = "csv"')) == [
        registry,
        "source calls: csv is for files (`adapt`), a topic has json or a format with a schema",
    ]
    assert refused(tmp_path, ('"p.calls"', '"retention.ingest.drafts"')) == [
        registry,
        "source calls: retention.ingest.drafts is a topic of the product's own",
    ]
    assert refused(tmp_path, ('"p.calls"', '"p.shop.orders"')) == [
        registry,
        "source calls: p.shop.orders is read by source orders already",
    ]
    no_topics = (('topic = "p.calls"', ""), ('topic = "p.shop.orders"', ""))
    assert refused(tmp_path, *no_topics) == ["no source has a topic"]


def test_a_mapping_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="can't be read"):
        preflight(Settings(), tmp_path / "m.toml")
