"""What a trial says as JSON: rates from 0 to 1, money as decimal text in the reporting currency."""

import json
from dataclasses import asdict
from typing import Any

from schemas.money import format_cents
from schemas.times import format_ms
from streams.uplift.comparison import Balance, Uplift
from streams.uplift.measures import Measures
from streams.uplift.trial_statistics import Estimate, Means, Rate, Rates, Sample


def as_json(found: Uplift, currency: str, notes: tuple[str, ...]) -> str:
    """Return all figures; null is unknown, or never."""
    return json.dumps({"uplift": _document(found, currency, notes)}, indent=1, ensure_ascii=False) + "\n"


def _document(found: Uplift, currency: str, notes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "holdout_share": found.share,
        "currency": currency,
        "as_of": format_ms(found.as_of_ms),
        "customers": {"treated": asdict(found.treated), "holdout": asdict(found.held_out)},
        "measures": _measures(found.measures, compared=found.verdict == "compared"),
        "contacted_biased": None if found.contacted is None else _measures(found.contacted, compared=True),
        "balance": {one.known: _balance(one) for one in found.balance},
        "chance_of_arms": found.chance_of_arms,
        "new_customers_a_week": round(found.per_week, 2),
        "needs": [asdict(one) for one in found.needs],
        "left_out": dict(found.left_out),
        "in_both_arms": found.crossed,
        "warnings": list(found.warnings),
        "notes": list(notes),
    }


def _measures(found: Measures, *, compared: bool) -> dict[str, Any]:
    return {
        "returned": _rates(found.returned, compared=compared),
        "bought": _rates(found.bought, compared=compared),
        "spend": _means(found.spend, compared=compared, money=True),
        "usual_days": _means(found.usual_days, compared=compared, money=False),
    }


def _rates(found: Rates, *, compared: bool) -> dict[str, Any]:
    return {
        "treated": _rate(found.treated),
        "holdout": _rate(found.held_out),
        "difference": _estimate(found.difference if compared else None),
        "ratio": _estimate(found.ratio if compared else None),
    }


def _rate(one: Rate) -> dict[str, Any]:
    return {"count": one.count, "of": one.of, "rate": _estimate(one.estimate() if one.of else None)}


def _means(found: Means, *, compared: bool, money: bool) -> dict[str, Any]:
    return {
        "treated": _sample(found.treated, money=money),
        "holdout": _sample(found.held_out, money=money),
        "difference": _estimate(found.difference if compared else None, money=money),
        "ratio": _estimate(found.ratio if compared else None),
    }


def _sample(one: Sample, *, money: bool) -> dict[str, Any]:
    """Return a mean; of money also the sum, which is exact."""
    total = {"total": format_cents(int(one.total))} if money else {}
    return {"count": one.count, **total, "mean": _estimate(one.estimate(), money=money)}


def _estimate(one: Estimate | None, *, money: bool = False) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        name: format_cents(round(value)) if money else round(value, 6) for name, value in asdict(one).items()
    }


def _balance(one: Balance) -> dict[str, Any]:
    money = one.known != "level_alert"
    return {
        "treated": format_cents(round(one.treated)) if money else round(one.treated, 6),
        "holdout": format_cents(round(one.held_out)) if money else round(one.held_out, 6),
        "standardised_difference": round(one.difference, 4),
        "unlike": one.unlike,
    }
