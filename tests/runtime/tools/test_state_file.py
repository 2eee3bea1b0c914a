"""State files: what is written is read, and whatever is damaged is refused in a line."""

import gzip
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import pytest

from streams.runtime.tools.state_file import (
    NAME,
    Entry,
    Header,
    StateFileError,
    read_entries,
    read_header,
    writing,
)

HEADER: Final = Header("shop", "retention.state", 4, "2026-03-01T12:00:00.000Z")
ENTRIES: Final = [
    Entry(0, b"o", b"vvv"),
    Entry(3, b"c\xff\n", b""),
    Entry(2, b"", Random(1).randbytes(1_000)),
]


@pytest.fixture(name="path")
def path_fixture(tmp_path: Path) -> Path:
    path = tmp_path / "state.gz"
    with writing(path, HEADER) as writer:
        for entry in ENTRIES:
            writer.write(entry)
    return path


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def test_what_is_written_is_read(path: Path) -> None:
    assert read_header(path) == HEADER
    assert list(read_entries(path)) == ENTRIES


def test_only_the_owner_may_read_it_and_nothing_else_is_left(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_header_says_what_it_is(path: Path) -> None:
    assert unpacked(path).split(b"\n")[0].startswith(b'{"application":"shop","topic":"retention.state"')


def test_a_file_that_fails_on_the_way_leaves_the_old_one(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(TypeError), writing(path, HEADER) as writer:
        writer.write(Entry(0, b"key", None))  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6, 0.99])
def test_a_file_that_was_cut_off_is_refused(path: Path, kept: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(StateFileError, match=r"cut off|not a state file"):
        list(read_entries(path))


def test_every_cut_between_frames_is_refused(path: Path) -> None:
    """Also where gzip itself finds nothing wrong."""
    plain = unpacked(path)
    for end in (0, 10, plain.index(b"\n") + 1, len(plain) - 44, len(plain) - 1):
        path.write_bytes(gzip.compress(plain[:end]))
        with pytest.raises(StateFileError):
            list(read_entries(path))


def test_no_damaged_byte_makes_another_state_of_it(path: Path) -> None:
    whole = path.read_bytes()
    refused = 0
    for at in range(10, len(whole)):  # before that stand times and flags of gzip
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            assert list(read_entries(path)) == ENTRIES
        except StateFileError:
            refused += 1
    # A few bits mean nothing to gzip, nor does the name in its header.
    assert refused >= len(whole) - 12 - len(NAME)


DAMAGES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "not a state file": lambda _: b'{"some":"json"}\n',
    "of version 2": lambda plain: plain.replace(b'"version":1', b'"version":2'),
    "the checksum is of something else": lambda plain: plain.replace(b"vvv", b"vvw", 1),
    "longer than any": lambda plain: plain[: plain.index(b"\n") + 1] + b"\x7f" * 12,
}


@pytest.mark.parametrize("said", DAMAGES)
def test_what_is_wrong_is_said(path: Path, said: str) -> None:
    path.write_bytes(gzip.compress(DAMAGES[said](unpacked(path))))
    with pytest.raises(StateFileError, match=said):
        list(read_entries(path))


def test_another_format_and_more_than_there_should_be_are_refused(path: Path) -> None:
    plain = unpacked(path)
    path.write_bytes(gzip.compress(plain + b"more"))
    with pytest.raises(StateFileError, match="checksum"):
        list(read_entries(path))
    path.write_bytes(gzip.compress(plain.replace(b"retention-signals state", b"another format's state!", 1)))
    with pytest.raises(StateFileError, match="not a state file"):
        read_header(path)
    path.write_bytes(b"plain text")
    with pytest.raises(StateFileError, match="not a state file"):
        read_header(path)
