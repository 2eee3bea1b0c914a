"""What `--dry-run` shows of a record."""

from decimal import Decimal

from streams.ingest.dry_run import shown


def test_a_number_shows_as_it_is_in_the_record() -> None:
    assert shown({"total": Decimal("9.90"), "id": "7"}) == '{"total":9.90,"id":"7"}'
