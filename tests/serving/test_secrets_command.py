"""The command `secrets`: what a deployment shares is made once, is strong, and is never shown."""

import stat
from pathlib import Path

from streams.sandbox.signatures import load_keys
from streams.serving.exposure import Exposure
from tests.lab.datasets import run


def test_what_is_missing_is_made_and_what_is_there_stays(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = run("secrets", folder)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert (first.code, first.err, set(made)) == (0, "", {"token", "webhook"})
    assert first.out.count(": made; it ") == 2
    (folder / "token").unlink()
    again = run("secrets", folder)
    assert "token: made; it " in again.out
    assert "webhook: is there already; it " in again.out
    assert (folder / "webhook").read_text() == made["webhook"]
    assert (folder / "token").read_text() != made["token"]
    for text in made.values():
        assert text.strip() not in first.out + again.out


def test_they_are_for_their_owner_alone_and_good_enough(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    run("secrets", folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    token = (folder / "token").read_text().strip()
    assert list(Exposure("::", token, None, None, behind_proxy=True).problems()) == []
    load_keys(folder / "webhook")


def test_where_nothing_can_be_written_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("secrets", tmp_path / "file")
    assert (done.code, "file: File exists" in done.err.replace("\n", "")) == (73, True)
