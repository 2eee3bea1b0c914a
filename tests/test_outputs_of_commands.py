"""No command destroys an input, another output or a file of somebody else: all but replay."""

import signal
from pathlib import Path

import pytest

from tests.lab.datasets import run, write_rules
from tests.lab.others import calls, folder, sales
from tests.outputs import (
    DISGUISES,
    OTHERS,
    PLACING,
    WRITING,
    Disguise,
    Moment,
    hard_link,
    picture,
    refused,
    stopped,
    symlink,
    up_and_down,
)

pytestmark = pytest.mark.slow


@pytest.fixture(name="shop")
def shop_fixture(tmp_path: Path) -> Path:
    """Write a directory with purchases and contacts."""
    return folder(tmp_path / "shop", sales(60), calls(10))


def test_generate_leaves_a_directory_with_files_alone(shop: Path) -> None:
    before = picture(shop)
    refused(run("generate", shop, "--population", "synthetic", "--customers", 5, "--days", 30), "--force")
    assert picture(shop) == before


def test_generate_does_not_write_where_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_bytes(OTHERS)
    refused(run("generate", path, "--population", "synthetic", "--customers", 5, "--force"))
    assert path.read_bytes() == OTHERS


def test_generate_touches_nothing_if_one_of_its_files_is_a_directory(shop: Path) -> None:
    (shop / "contacts.jsonl").unlink()
    (shop / "contacts.jsonl").mkdir()
    before = picture(shop)
    small = ("--population", "synthetic", "--customers", 5, "--days", 30, "--force")
    refused(run("generate", shop, *small), "contacts.jsonl")
    assert picture(shop) == before


@pytest.mark.parametrize("moment", [WRITING, PLACING])
def test_generate_stopped_half_way_leaves_the_old_files(shop: Path, moment: Moment) -> None:
    before = picture(shop)
    small = ("--population", "synthetic", "--customers", 5, "--days", 30, "--force")
    code, err = stopped(signal.SIGINT, moment, "generate", shop, *small)
    assert code in {130, -signal.SIGINT}
    assert "Traceback" not in err
    assert picture(shop) == before


@pytest.mark.parametrize("disguise", DISGUISES)
def test_evaluate_writes_to_no_ruleset(tmp_path: Path, disguise: Disguise) -> None:
    rules = write_rules(tmp_path)
    path = disguise(rules, tmp_path)
    before = picture(tmp_path)
    for option in ("--report", "--json"):
        refused(run("evaluate", "--quick", "--ruleset", rules, option, path, "--force"))
    assert picture(tmp_path) == before


def test_evaluate_writes_two_files_or_none(tmp_path: Path) -> None:
    one = tmp_path / "one"
    refused(run("evaluate", "--quick", "--report", one, "--json", up_and_down(one, tmp_path)))
    refused(run("evaluate", "--quick", "--report", one, "--json", tmp_path), "directory")
    assert not one.exists()


@pytest.mark.parametrize("option", ["--report", "--json"])
def test_evaluate_leaves_what_others_wrote(tmp_path: Path, option: str) -> None:
    path = tmp_path / "notes"
    path.write_bytes(OTHERS)
    refused(run("evaluate", "--quick", option, path), "--force")
    assert path.read_bytes() == OTHERS


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("name", ["shop/transactions.jsonl", "rules.toml"])
def test_calibrate_writes_to_no_input(shop: Path, tmp_path: Path, name: str, disguise: Disguise) -> None:
    rules = write_rules(tmp_path)
    path = disguise(tmp_path / name, tmp_path)
    before = picture(tmp_path)
    refused(run("calibrate", shop, "--based-on", rules, "--out", path, "--force"))
    assert picture(tmp_path) == before


def test_calibrate_leaves_directories_and_what_others_wrote(shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.toml"
    path.write_bytes(OTHERS)
    refused(run("calibrate", shop, "--out", path), "--force")
    refused(run("calibrate", shop, "--out", shop, "--force"), "directory")
    refused(run("calibrate", shop, "--out", shop / "customers.jsonl"))
    assert path.read_bytes() == OTHERS


def test_state_export_refuses_before_it_looks_for_kafka(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETENTION_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    path = tmp_path / "notes"
    path.write_bytes(OTHERS)
    refused(run("state", "export", path), "--force")
    refused(run("state", "export", tmp_path, "--force"), "directory")
    refused(run("state", "export", symlink(tmp_path, tmp_path), "--force"), "directory")
    assert path.read_bytes() == OTHERS


def test_schema_export_replaces_its_documents_and_leaves_others(tmp_path: Path) -> None:
    place = tmp_path / "documents"
    assert run("schema", "export", place).code == 0
    assert run("schema", "export", place).code == 0
    names = sorted(path.name for path in place.iterdir())
    before = picture(place)
    document = place / names[-1]
    document.write_bytes(OTHERS)
    mixed = picture(place)
    refused(run("schema", "export", place), names[-1])
    assert picture(place) == mixed
    assert run("schema", "export", place, "--force").code == 0
    assert {name: was[2] for name, was in picture(place).items()} == {
        name: was[2] for name, was in before.items()
    }


def test_schema_export_goes_to_a_directory_with_room_for_its_documents(tmp_path: Path) -> None:
    place = tmp_path / "documents"
    place.write_bytes(OTHERS)
    refused(run("schema", "export", place, "--force"))
    assert place.read_bytes() == OTHERS
    place.unlink()
    assert run("schema", "export", place).code == 0
    first, *rest = sorted(place.iterdir())
    for one in rest[:-1]:
        one.unlink()
    rest[-1].unlink()
    rest[-1].mkdir()
    first.unlink()
    refused(run("schema", "export", place, "--force"), rest[-1].name)
    assert picture(place) == {}


@pytest.mark.parametrize("link", [symlink, hard_link])
def test_demo_does_not_write_over_its_data(shop: Path, tmp_path: Path, link: Disguise) -> None:
    out = tmp_path / "out"
    out.mkdir()
    link(shop / "transactions.jsonl", out).rename(out / "report.html")
    before = picture(shop)
    refused(run("demo", "--no-kafka", "--data", shop, "--out", out), "report.html")
    assert picture(shop) == before


def test_demo_leaves_what_others_wrote(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.html").write_bytes(OTHERS)
    refused(run("demo", "--no-kafka", "--data", shop, "--out", out), "report.html")
    refused(run("demo", "--no-kafka", "--data", shop, "--out", out / "report.html"))
    assert (out / "report.html").read_bytes() == OTHERS
    (out / "report.html").unlink()
    for _ in range(2):
        assert run("demo", "--no-kafka", "--data", shop, "--out", out).code == 0


def test_demo_draws_no_data_over_those_of_the_user(shop: Path, tmp_path: Path) -> None:
    shop.rename(tmp_path / "data")
    before = picture(tmp_path)
    refused(run("demo", "--no-kafka", "--out", tmp_path))
    assert picture(tmp_path) == before
