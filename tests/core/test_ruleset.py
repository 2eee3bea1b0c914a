"""The numbers that decide: defaults, files that override them, and what is refused."""

import math
from dataclasses import replace
from typing import Any

import pytest

from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset, RulesetError


def test_a_file_replaces_what_it_names() -> None:
    text = 'version = "ours"\nsettle_hours = 24\ntemperature = 1\nprotected_tiers = ["gold"]'
    rules = Ruleset.from_toml(text)
    assert rules == replace(
        DEFAULT, version="ours", settle_hours=24, temperature=1.0, protected_tiers=("gold",)
    )
    assert isinstance(rules.temperature, float)


def test_an_empty_file_changes_nothing() -> None:
    assert Ruleset.from_toml("") == DEFAULT
    assert Ruleset.from_toml("").hash == DEFAULT.hash


def test_the_default_is_version_3() -> None:
    """It differs from version 2 in how it takes what comes late, not in what it makes of a customer."""
    assert DEFAULT is VERSIONS["4"]
    assert Ruleset.from_toml('based_on = "4"') == DEFAULT
    assert replace(VERSIONS["2"], version="3", delayed_feed=True, most_contacts=500) == VERSIONS["3"]
    later: dict[str, Any] = {"as_meant": True, "shared_trips_factor": 10.0, "shared_contacts": 50}
    assert replace(VERSIONS["3"], version="4", **later) == DEFAULT


def test_a_file_may_build_on_another_version() -> None:
    rules = Ruleset.from_toml('based_on = "1"\nversion = "1-ours"\nsettle_hours = 24')
    assert rules == replace(VERSIONS["1"], version="1-ours", settle_hours=24)
    assert Ruleset.from_toml('based_on = "1"') == VERSIONS["1"] == Ruleset()


def test_every_setting_counts_in_the_hash() -> None:
    """Floats and whole numbers alike: a ruleset that could decide otherwise has another name."""
    hashes = {Ruleset().hash, Ruleset(repeat_days=8).hash, Ruleset(repeat=0.96).hash}
    assert len(hashes) == 3
    assert all(len(one) == 12 for one in hashes)


def test_settings_added_later_leave_the_name_of_who_does_not_use_them() -> None:
    """Version 1 is named as it was before there was a silent rule, and its alerts with it."""
    added = [Ruleset(silent=True), Ruleset(silent_days=181), Ruleset(silent_prior_probability=0.003)]
    assert Ruleset().hash == "ae6cb754f7c0"
    assert Ruleset(silent=False, silent_days=182, silent_prior_probability=0.002).hash == "ae6cb754f7c0"
    assert len({"ae6cb754f7c0", *(one.hash for one in added)}) == 4


def test_whole_numbers_and_floats_of_a_file_are_one_ruleset() -> None:
    assert Ruleset.from_toml("frustration_half_life_days = 30").hash == DEFAULT.hash


def test_a_mapping_goes_there_and_back() -> None:
    rules = Ruleset(protected_tiers=("gold", "platinum"), holdout_share=0.5, holdout_salt="s")
    assert Ruleset.from_mapping(rules.as_mapping()) == rules


def test_levels_prior_and_lateness_follow_from_the_settings() -> None:
    rules = Ruleset(allowed_lateness_seconds=2.5, prior_probability=0.2, alert_odds=9.0)
    assert rules.levels == (0.0, math.log(9.0))
    assert rules.prior == pytest.approx(math.log(0.25))
    assert Ruleset(silent_prior_probability=0.2).silent_prior == pytest.approx(math.log(0.25))
    assert rules.lateness_ms == 2_500


def test_each_setting_has_a_unit_and_a_source() -> None:
    rows = {name: (value, unit, source) for name, value, unit, source in Ruleset(repeat=0.5).rows()}
    assert rows.keys() == Ruleset().as_mapping().keys()
    assert rows["repeat"] == (0.5, "nats", "Portland Research 2003: repeats and transfers")
    assert all(unit and source for _, unit, source in rows.values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("repeat = ", "not TOML"),
        ("repeats = 1", "unknown key: repeats"),
        ("b = 1\na = 1", "unknown key: a, b"),
        ("version = 1", "version must be text"),
        ('based_on = "5"', "based_on must be one of 1, 2, 3, 4"),
        ('evidence = "tea leaves"', "evidence must be one of spend, trips_or_spend"),
        ("holdout_salt = 1", "holdout_salt must be text"),
        ("repeat_days = 1.5", "repeat_days must be a whole number"),
        ("repeat_days = true", "repeat_days must be a whole number"),
        ('repeat = "1"', "repeat must be a number"),
        ("repeat = false", "repeat must be a number"),
        ("silent = 1", "silent must be true or false"),
        ("silent_prior_probability = 0", "between 0 and 1"),
        ("silent_days = 0", "silent_days must be above 0"),
        ("silent_days = 183", "silent_days must be at most 182"),
        ('protected_tiers = "gold"', "protected_tiers must be a list of texts"),
        ("protected_tiers = [1]", "protected_tiers must be a list of texts"),
        ("repeat = inf", "repeat must be finite"),
        ("repeat = nan", "repeat must be finite"),
        ("repeat = -0.01", "repeat must not be negative"),
        ("prior_probability = 0", "between 0 and 1"),
        ("prior_probability = 1", "between 0 and 1"),
        ("high_value_quantile = 1.0", "between 0 and 1"),
        ("holdout_share = 1.01", "holdout_share must lie in"),
        ("holdout_share = -0.01", "holdout_share must lie in"),
        ("returned_evidence = 0", "returned_evidence must be below 0"),
        ("returned_evidence = 0.01", "returned_evidence must be below 0"),
        ("temperature = 0", "temperature must be above 0"),
        ("minimum_blocks = 0", "minimum_blocks must be above 0"),
        ("population_sample = 0", "population_sample must be above 0"),
        ("alert_odds = 1.0", "alert_odds must be above 1"),
        ("alert_odds = 0.5", "alert_odds must be above 1"),
    ],
)
def test_what_cannot_decide_is_refused_and_says_why(text: str, reason: str) -> None:
    with pytest.raises(RulesetError, match=reason):
        Ruleset.from_toml(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repeat", 0.0),
        ("prior_probability", 0.01),
        ("prior_probability", 0.99),
        ("holdout_share", 0.0),
        ("holdout_share", 1.0),
        ("returned_evidence", -0.01),
        ("worst_effort", -5),
        ("temperature", 0.01),
        ("silent", True),
        ("silent_days", 1),
        ("silent_days", 182),
        ("minimum_blocks", 1),
        ("alert_odds", 1.01),
    ],
)
def test_what_lies_just_inside_the_range_is_taken(name: str, value: float) -> None:
    assert getattr(Ruleset.from_mapping({name: value}), name) == value
