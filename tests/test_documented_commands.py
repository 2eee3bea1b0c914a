"""Every command that operators are told is run by a test, or says why not; and all that are told exist."""

from pathlib import Path
from typing import Final

import pytest
from typer.core import TyperGroup

from streams.lazy_commands import COMMANDS, imported
from tests.documented import DEPLOYMENT, PAGES, TOP, Block, blocks, inline
from tests.kafka.documented.test_run import SCENARIOS

ALL_PAGES = sorted([TOP / "README.md", *(TOP / "deploy").rglob("*.md"), *(TOP / "docs").rglob("*.md")])
BLOCKS = [block for page in (*PAGES, *DEPLOYMENT) for block in blocks(page)]


def place(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("block", BLOCKS, ids=place)
def test_a_block_of_commands_is_run_or_says_why_not(block: Block) -> None:
    match block.kind:
        case "run":
            assert block.told in SCENARIOS
        case "tested":
            text = (TOP / block.told).read_text(encoding="utf-8")
            assert "def test_" in text
            assert any(word in text for word in block.commands[0].split()[1:]), "a test of something else"
        case "not-run":
            assert len(block.told.split()) > 3, "a reason"
        case _:
            pytest.fail(f"{block.place}: nothing says how it is tested")


def test_every_scenario_is_of_some_page() -> None:
    assert {block.told for block in BLOCKS if block.kind == "run"} == SCENARIOS


WITHIN_THE_TEXT: Final = {
    "bridge deliveries": "tests/crm/commands/test_deliveries.py",
    "bridge deliveries --customers": "tests/crm/commands/test_deliveries.py",
    "bridge deliveries --given-up": "tests/crm/commands/test_deliveries.py",
    "bridge deliveries --standing held": "tests/crm/commands/test_deliveries.py",
    "bridge resend --all": "tests/crm/bridge/test_command.py",
    "check topics": "tests/kafka/tools/test_check_topics.py",
    "check topics --all": "tests/kafka/tools/test_check_topics.py",
    "redrive --execute": "tests/kafka/tools/test_redrive.py",
    "redrive --reason future --execute": "tests/kafka/worker/test_worker_poison.py",
    "state import --help": "tests/test_cli.py",
    "tick --help": "tests/runtime/tools/test_tick_command.py",
}
"""What the pages name outside of blocks, and what runs it; else it is in a block that is run."""


def test_a_command_within_the_text_is_run_too() -> None:
    in_blocks = {" ".join(words) for page in PAGES for words in inline(page, of="blocks")}
    found = {" ".join(words) for page in PAGES for words in inline(page, of="text")}
    assert found - in_blocks == set(WITHIN_THE_TEXT)
    for call, file in WITHIN_THE_TEXT.items():
        assert call.split()[-1].lstrip("-") in (TOP / file).read_text(encoding="utf-8"), call


def page_name(page: Path) -> str:
    return str(page.relative_to(TOP))


@pytest.mark.parametrize("page", ALL_PAGES, ids=page_name)
def test_every_call_of_ours_names_commands_and_options_that_there_are(page: Path) -> None:
    assert [wrong for words in inline(page) if (wrong := mistake(words)) is not None] == []


def mistake(words: list[str]) -> str | None:
    """Return what is wrong with a call: a command or an option that there is not."""
    if not words or words[0].startswith("-"):
        return None
    if words[0] not in COMMANDS:
        return f"no command {words[0]!r}: {' '.join(words)}"
    command, rest = imported(words[0]), words[1:]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        inner = command.commands.get(rest[0])
        if inner is None:
            return f"no command {rest[0]!r}: {' '.join(words)}"
        command, rest = inner, rest[1:]
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    told = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
    unknown = sorted(told - options - {"--help"})
    return f"no option {', '.join(unknown)}: {' '.join(words)}" if unknown else None
