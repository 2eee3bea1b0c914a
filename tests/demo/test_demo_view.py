"""What the demo shows: no more than fits, nothing that a terminal obeys, newest and heaviest first."""

from collections import Counter

import pytest
from rich.console import Console

from schemas.alert import Alert
from streams.core.watermark import Input
from streams.demo.display import displayed
from streams.demo.scene import Scene, WorkerSeen
from streams.demo.verdict import Verdict, compared
from streams.demo.view import line, screen
from streams.lab.replay import replay_directory
from tests.lab.datasets import NOW, RULES, write_dataset

HOSTILE = "[red]\x1b[31m"


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> list[Alert]:
    """Give a dataset's alerts, by time."""
    directory = tmp_path_factory.mktemp("dataset")
    write_dataset(directory)
    return replay_directory(directory, ruleset=RULES, now_ms=NOW).alerts


@pytest.fixture
def scene() -> Scene:
    """Give a scene with two workers, one of them killed."""
    found = Scene(
        "a dataset", "USD", 1000, [WorkerSeen(1, {0: "ready", 3: "opening"}), WorkerSeen(2, killed=True)]
    )
    found.published.lines[Input.TRANSACTIONS] = 500
    found.published.arrived = 510
    found.published.reached = 1_500_000_000_000
    found.committed = 500
    return found


def shown(scene: Scene, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(screen(scene, height))
    return capture.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(100, 30), (160, 50), (80, 24)])
def test_it_fits(scene: Scene, alerts: list[Alert], width: int, height: int) -> None:
    scene.take(alerts)
    for at in range(5):
        scene.note(f"thing {at}")
    lines = shown(scene, width, height)
    assert len(lines) <= height
    assert all(len(one) <= width for one in lines)
    text = "\n".join(lines)
    assert "500 of 1,000 lines" in text
    assert "worker 1    partitions 0, opening 3" in text
    assert "worker 2    killed" in text
    assert "thing 1" not in text
    assert "thing 4" in text


def test_the_heaviest_stand_first_and_the_newest_are_told(scene: Scene, alerts: list[Alert]) -> None:
    scene.take(alerts)
    ranked = scene.ranked()
    lines = shown(scene, 160, 50)
    heading = next(at for at, one in enumerate(lines) if one.startswith("Customers to win back now"))
    customers = [one.split()[1] for one in lines[heading + 2 : heading + 2 + len(ranked[:10])]]
    assert customers == [alert.customer_id for alert in ranked[:10]]
    assert all(one.startswith("+") for one in lines[heading + 2 : heading + 4])
    assert alerts[-1].summary in lines[[one.strip() for one in lines].index("Newest alert records") + 1]


def test_a_resolved_alert_stands_no_more(scene: Scene, alerts: list[Alert]) -> None:
    scene.take(alerts)
    resolved = {alert.alert_id for alert in alerts if alert.state == "resolved"}
    open_again = {alert.alert_id for alert in scene.ranked()}
    newest = {alert.alert_id: alert for alert in alerts}
    assert resolved
    assert open_again == {alert_id for alert_id, alert in newest.items() if alert.state != "resolved"}


def test_what_comes_from_outside_is_not_obeyed(scene: Scene, alerts: list[Alert]) -> None:
    scene.take([alerts[0].model_copy(update={"customer_id": HOSTILE, "summary": HOSTILE, "state": "raised"})])
    text = "\n".join(shown(scene, 160, 50))
    assert "[red]\\u001b[31m" in text
    assert "\x1b" not in text


def test_before_anything_happened() -> None:
    fresh = Scene("a dataset", "USD", 10, [WorkerSeen(1), WorkerSeen(2)])
    text = "\n".join(shown(fresh, 100, 30))
    assert "not begun" in text
    assert "worker 1    starting" in text
    assert "none yet" in text
    assert "nobody yet" in text


def test_a_line_has_the_same_figures(scene: Scene, alerts: list[Alert]) -> None:
    scene.take(alerts)
    counts = Counter((alert.state, alert.level) for alert in alerts)
    told = line(scene)
    assert told.startswith("event time 2017-07-14; 500 of 1,000 lines published; 0 records/s, lag 10; ")
    assert "worker 1: partitions 0, opening 3; worker 2: killed; " in told
    for (_, level), count in counts.items():
        assert f"{count} {level}" in told


def test_off_a_terminal_it_prints_what_is_said_at_once(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    with displayed(scene) as draw:
        scene.note("one")
        draw()
        assert capsys.readouterr().out == "0 s: one\n"
        draw()
        assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("found", "wanted", "verdict"),
    [
        ("ab", "ab", Verdict(2, 0, 0, 0)),
        ("ba", "abc", Verdict(2, 1, 0, 0)),
        ("abx", "ab", Verdict(3, 0, 1, 0)),
        ("aab", "ab", Verdict(3, 0, 0, 1)),
        ("xx", "a", Verdict(2, 1, 1, 1)),
        ("aa", "aa", Verdict(2, 0, 0, 0)),
    ],
)
def test_two_bags_of_alerts_are_compared(found: str, wanted: str, verdict: Verdict) -> None:
    assert compared(Counter(found), Counter(wanted)) == verdict
    assert verdict.equal == (sorted(found) == sorted(wanted))
    assert ("NOT those of replay" in str(verdict)) != verdict.equal
