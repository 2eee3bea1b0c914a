"""No output destroys an input, another output, or a file of somebody else; none is ever half there."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.lab.datasets import run, write_rules
from tests.lab.others import calls, folder, sales, write_small_dataset
from tests.outputs import (
    DISGUISES,
    OTHERS,
    PLACING,
    READING,
    ROOT,
    Disguise,
    Moment,
    command,
    hard_link,
    picture,
    refused,
    stopped,
    symlink,
)

pytestmark = pytest.mark.slow

OUTPUTS: Final = ("--alerts", "--report", "--dead-letters", "--holdout")


@pytest.fixture(name="shop")
def shop_fixture(tmp_path: Path) -> Path:
    """Write a directory with purchases and contacts."""
    return folder(tmp_path / "shop", sales(60), calls(10))


@pytest.mark.parametrize("option", OUTPUTS)
@pytest.mark.parametrize("disguise", DISGUISES)
def test_an_output_of_replay_is_no_input(shop: Path, tmp_path: Path, option: str, disguise: Disguise) -> None:
    path = disguise(shop / "transactions.jsonl", tmp_path)
    before = picture(tmp_path)
    refused(run("replay", shop, option, path))
    refused(run("replay", shop, option, path, "--force"))
    assert picture(tmp_path) == before


@pytest.mark.parametrize("name", ["transactions", "contacts", "customers", "dispositions"])
@pytest.mark.parametrize("form", [".jsonl", ".jsonl.gz", ".parquet"])
def test_a_name_that_the_next_replay_would_read_is_no_output(shop: Path, name: str, form: str) -> None:
    """Not even where no such input is there yet."""
    before = picture(shop)
    refused(run("replay", shop, "--alerts", shop / f"{name}{form}", "--force"))
    assert picture(shop) == before


def test_a_dangling_link_to_an_input_is_no_output(shop: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(shop / "customers.jsonl")
    refused(run("replay", shop, "--alerts", link))
    assert not (shop / "customers.jsonl").exists()


def test_a_dangling_link_to_elsewhere_is_an_output(shop: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    assert run("replay", shop, "--report", link).code == 0
    assert link.read_bytes().startswith(b"<!")


def test_what_a_linked_input_points_to_is_no_output(shop: Path, tmp_path: Path) -> None:
    store = tmp_path / "store.jsonl"
    shutil.move(shop / "contacts.jsonl", store)
    (shop / "contacts.jsonl").symlink_to(store)
    before = picture(tmp_path)
    refused(run("replay", shop, "--alerts", store, "--force"))
    assert picture(tmp_path) == before


def test_another_file_inside_the_input_directory_is_an_output(shop: Path) -> None:
    assert run("replay", shop, "--alerts", shop / "alerts.jsonl").code == 0
    assert run("replay", shop, "--alerts", shop / "alerts.jsonl").code == 0


@pytest.mark.parametrize("option", OUTPUTS)
def test_the_ruleset_is_an_input(shop: Path, tmp_path: Path, option: str) -> None:
    rules = write_rules(tmp_path)
    before = picture(tmp_path)
    refused(run("replay", shop, "--ruleset", rules, option, rules, "--force"))
    assert picture(tmp_path) == before


@pytest.mark.parametrize("disguise", [one for one in DISGUISES if one is not hard_link])
@pytest.mark.parametrize("there", [False, True])
def test_two_outputs_of_one_name_are_refused(
    shop: Path, tmp_path: Path, disguise: Disguise, *, there: bool
) -> None:
    first = tmp_path / "alerts"
    if there:
        assert run("replay", shop, "--alerts", first).code == 0
    second = disguise(first, tmp_path)
    before = picture(tmp_path)
    refused(run("replay", shop, "--alerts", first, "--holdout", second))
    refused(run("replay", shop, "--holdout", first, "--dead-letters", second, "--force"))
    assert picture(tmp_path) == before


def test_two_hard_links_to_one_output_are_one(shop: Path, tmp_path: Path) -> None:
    first = tmp_path / "alerts"
    assert run("replay", shop, "--alerts", first).code == 0
    refused(run("replay", shop, "--alerts", first, "--holdout", hard_link(first, tmp_path)))


@pytest.mark.parametrize("option", OUTPUTS)
def test_a_directory_is_no_output(shop: Path, tmp_path: Path, option: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    for path in (place, symlink(place, tmp_path)):
        refused(run("replay", shop, option, path, "--force"), "directory")
    assert list(place.iterdir()) == []


def test_a_link_to_itself_is_no_output(shop: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    refused(run("replay", shop, "--alerts", loop))
    assert loop.is_symlink()


@pytest.mark.parametrize("option", OUTPUTS)
def test_a_file_of_somebody_else_is_replaced_only_with_force(shop: Path, tmp_path: Path, option: str) -> None:
    path = tmp_path / "notes"
    path.write_bytes(OTHERS)
    refused(run("replay", shop, option, path), "--force")
    assert path.read_bytes() == OTHERS
    assert run("replay", shop, option, path, "--force").code == 0
    assert path.read_bytes() != OTHERS


@pytest.mark.parametrize("option", OUTPUTS)
def test_what_replay_wrote_it_replaces(shop: Path, tmp_path: Path, option: str) -> None:
    """Also where there is nothing in it."""
    path = tmp_path / "output"
    assert run("replay", shop, option, path).code == 0
    assert run("replay", shop, option, path).code == 0


def test_a_dataset_has_its_alerts_replaced_without_force(tmp_path: Path) -> None:
    dataset, rules, outputs = tmp_path / "dataset", write_rules(tmp_path), tmp_path / "outputs"
    write_small_dataset(dataset)
    outputs.mkdir()
    options = [part for one in OUTPUTS for part in (one, outputs / one.strip("-"))]
    for _ in range(2):
        assert run("replay", dataset, "--ruleset", rules, *options).code == 0
    assert sorted(path.name for path in outputs.iterdir()) == sorted(one.strip("-") for one in OUTPUTS)
    assert (outputs / "alerts").stat().st_size > 0


def test_one_wrong_output_keeps_all_others_from_being_written(shop: Path, tmp_path: Path) -> None:
    before = picture(tmp_path)
    good, report = tmp_path / "alerts", tmp_path / "report"
    refused(run("replay", shop, "--alerts", good, "--report", report, "--holdout", shop / "contacts.jsonl"))
    assert picture(tmp_path) == before


def test_a_link_to_an_earlier_output_stays_a_link(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert run("replay", shop, "--report", target).code == 0
    link = symlink(target, tmp_path)
    was = target.stat().st_mtime_ns
    assert run("replay", shop, "--report", link).code == 0
    assert link.is_symlink()
    assert target.stat().st_mtime_ns > was


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_replaced_file_keeps_its_permissions(shop: Path, tmp_path: Path, mode: int) -> None:
    path = tmp_path / "report"
    assert run("replay", shop, "--report", path).code == 0
    path.chmod(mode)
    assert run("replay", shop, "--report", path).code == 0
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_a_new_file_has_the_permissions_that_the_user_gives_new_files(
    shop: Path, tmp_path: Path, mask: int, mode: int
) -> None:
    path, was = tmp_path / "report", os.umask(mask)
    try:
        assert run("replay", shop, "--report", path).code == 0
    finally:
        os.umask(was)
    assert path.stat().st_mode & 0o777 == mode


def test_an_input_that_breaks_off_leaves_the_old_outputs_whole(shop: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    options = ("--alerts", outputs / "alerts", "--report", outputs / "report")
    assert run("replay", shop, *options).code == 0
    before = picture(outputs)
    (shop / "contacts.jsonl").unlink()
    (shop / "contacts.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00broken off")
    assert run("replay", shop, *options).code == 66
    assert picture(outputs) == before


@pytest.mark.parametrize("options", [OUTPUTS, ("--alerts",)])
def test_dev_null_takes_any_number_of_outputs(shop: Path, options: tuple[str, ...]) -> None:
    null = Path("/dev/null")
    assert run("replay", shop, *(part for one in options for part in (one, null))).code == 0
    assert null.is_char_device()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no /dev/fd")
def test_standard_output_takes_alerts_in_a_pipe_and_by_number(tmp_path: Path) -> None:
    dataset, rules = tmp_path / "dataset", write_rules(tmp_path)
    write_small_dataset(dataset)
    wanted, shown = tmp_path / "wanted", tmp_path / "shown"
    assert run("replay", dataset, "--ruleset", rules, "--alerts", wanted).code == 0
    to_stdout = command("replay", dataset, "--ruleset", rules, "--alerts", "/dev/stdout")
    piped = subprocess.run(to_stdout, cwd=ROOT, capture_output=True, check=True)  # noqa: S603 - ourselves
    assert wanted.read_bytes() in piped.stdout
    with shown.open("wb") as file:
        by_number = command("replay", dataset, "--ruleset", rules, "--alerts", f"/dev/fd/{file.fileno()}")
        subprocess.run(by_number, cwd=ROOT, pass_fds=[file.fileno()], capture_output=True, check=True)  # noqa: S603 - ourselves
    assert shown.read_bytes() == wanted.read_bytes()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout")
def test_standard_output_in_a_file_holds_alerts_and_summary(tmp_path: Path) -> None:
    """Neither writes over the other."""
    dataset, rules, shown = tmp_path / "dataset", write_rules(tmp_path), tmp_path / "shown"
    write_small_dataset(dataset)
    assert run("replay", dataset, "--ruleset", rules, "--alerts", tmp_path / "wanted").code == 0
    with shown.open("wb") as file:
        whole = command("replay", dataset, "--ruleset", rules, "--alerts", "/dev/stdout")
        subprocess.run(whole, cwd=ROOT, stdout=file, check=True)  # noqa: S603 - ourselves
    assert (tmp_path / "wanted").read_bytes() in shown.read_bytes()
    assert b"alert records" in shown.read_bytes()


@pytest.mark.parametrize("moment", [READING, PLACING])
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_a_replay_stopped_half_way_leaves_the_old_files(
    shop: Path, tmp_path: Path, stop: signal.Signals, moment: Moment
) -> None:
    """The files that were there are whole, and after Ctrl-C nothing lies beside them."""
    dataset, outputs = tmp_path / "dataset", tmp_path / "outputs"
    write_small_dataset(dataset)
    outputs.mkdir()
    options = ("--alerts", outputs / "alerts", "--report", outputs / "report")
    assert run("replay", shop, *options).code == 0
    before = picture(outputs)
    code, err = stopped(stop, moment, "replay", dataset, *options)
    assert {name: was for name, was in picture(outputs).items() if name in before} == before
    if stop is signal.SIGINT:
        assert code in {130, -signal.SIGINT}
        assert "Traceback" not in err
        assert picture(outputs) == before


@pytest.mark.parametrize(
    "content",
    [
        '{"notes":"mine","alert":{"type":"alert"}}\n',
        'mine\n{"type":"alert","event_id":"x"}\n',
        'mine\n{"file":"x","line":1,"reason":"y"}\n',
    ],
)
def test_what_only_holds_something_like_ours_is_somebody_else_s(
    shop: Path, tmp_path: Path, content: str
) -> None:
    for option in ("--alerts", "--dead-letters", "--report", "--holdout"):
        path = tmp_path / "mine"
        path.write_text(content)
        assert run("replay", shop, option, path).code == 73
        assert path.read_text() == content


@pytest.mark.parametrize("path", ["/dev/fd/987654", "/dev/fd/99999999999999", "/tmp/" + "x" * 300])  # noqa: S108
def test_a_place_that_can_not_be_written_is_refused_in_words(shop: Path, path: str) -> None:
    done = run("replay", shop, "--alerts", path)
    assert (done.code, done.out) == (73, "")
    assert "cannot be written" in done.err
