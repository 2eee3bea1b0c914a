"""What is printed, and the same as JSON, of a trial with everything in it."""

import json
from dataclasses import replace

from rich.console import Console

from schemas.events import Disposition
from streams.core.ruleset import Ruleset
from streams.uplift.document import as_json
from streams.uplift.planning import Smallest
from streams.uplift.show import show
from tests.uplift.trial import START, Trial, bought, raised

RULES = replace(Ruleset(), holdout_share=0.1, holdout_salt="s")


def test_a_trial_with_everything_in_it() -> None:
    rows = {f"c{at}": raised(f"c{at}", "treated" if at < 60 else "holdout") for at in range(100)}
    trial = Trial(rows)
    for at in range(50):
        trial.outcomes.take(bought(f"c{at}", 1, 14_000))
        trial.outcomes.note(Disposition(f"c{at}", "crm", f"{at}", START, "a", "contacted", None, None))
    found = trial.compared(RULES, floor_ms=START)
    found.left_out.update({"backfill": 3, "erased_holdout": 1})
    console = Console(record=True, width=160, force_terminal=False)
    show(console, found, "USD", Smallest(0.03, 0.2), ("A note.",))
    out = console.export_text()
    for words in (
        "Acting on alerts brings customers back: 69.0 to 90.7 more of 100.",
        "Biased: only the treated who were reached",
        "3 points of the return rate",
        "left out: 3 alerts decided long after the fact",
        "left out: 1 held-out customers who were erased",
        "A note.",
        "warning: The arms are not of the sizes that were meant: 40 of 100 are held out",
    ):
        assert words in out, words
    assert out.index("warning: The arms") < out.index("Acting on alerts")  # what must not be believed yet
    document = json.loads(as_json(found, "USD", ("A note.",)))["uplift"]
    assert document["contacted_biased"]["returned"]["treated"]["count"] == 50
    assert document["measures"]["spend"]["treated"]["total"] == "7000.00"
    assert document["measures"]["spend"]["treated"]["mean"]["value"] == "116.67"
    assert document["measures"]["returned"]["ratio"] is None  # nobody held out returned
    assert document["left_out"] == {"backfill": 3, "erased_holdout": 1}
