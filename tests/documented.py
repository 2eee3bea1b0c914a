"""The commands in the pages for people: which blocks there are, and what each says of how it is tested.

What stands behind the language of a block says so; whoever reads the page does not see it:

- `run=NAME`: a scenario of `tests/kafka/documented` runs it as it stands
- `tested=FILE`: that test does the same in its own words
- `not-run="WHY"`
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

TOP: Final = Path(__file__).parents[1]
OPERATIONS: Final = (TOP / "docs" / "operations.md", *sorted((TOP / "docs" / "operations").glob("*.md")))
PAGES: Final = (TOP / "README.md", *OPERATIONS)
"""The guide: those whose every command is run, or says why not."""
DEPLOYMENT: Final = tuple(sorted((TOP / "deploy").rglob("*.md")))
"""Those whose blocks say the same; most need Docker or a cluster."""
_BLOCK: Final = re.compile(
    r"^(?P<indent> *)```(?P<language>console|sh)(?P<mark>[^\n]*)\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands on a page."""

    page: Path
    mark: str
    """What it says of how it is tested."""
    commands: tuple[str, ...]
    """Each as it would be typed; of a script all of it."""

    @property
    def place(self) -> str:
        """Return where it is: the page and how it begins."""
        return f"{self.page.relative_to(TOP)}: {self.commands[0].splitlines()[0]}"

    @property
    def kind(self) -> str:
        """Return `run`, `tested` or `not-run`; empty if it says nothing."""
        return self.mark.partition("=")[0]

    @property
    def told(self) -> str:
        """Return what stands behind the kind: the scenario, the file, why not."""
        return self.mark.partition("=")[2].strip('"')


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of commands of a page, in their order."""
    for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        body = re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)
        commands = tuple(_typed(body)) if found["language"] == "console" else (body,)
        if commands:
            yield Block(page, found["mark"].strip(), commands)


def of_scenario(name: str, *pages: Path) -> list[str]:
    """Return all commands of the blocks of a scenario, in the order of the pages."""
    found = [block for page in pages for block in blocks(page) if (block.kind, block.told) == ("run", name)]
    assert found, f"no block has run={name}"
    return [command for block in found for command in block.commands]


def _typed(body: str) -> Iterator[str]:
    """Yield what stands behind the prompts of a console, with the lines that go on."""
    lines = iter(body.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line.removeprefix("$ ")
            while command.endswith("\\"):
                command += "\n" + next(lines)
            yield command


def inline(page: Path, *, of: Literal["text", "blocks", "all"] = "all") -> Iterator[list[str]]:
    """Yield the words of each call of ours that a page has within its text, in backticks, or in a block."""
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = [re.sub(r"\s+", " ", span) for span in re.findall(r"`(retention-signals [^`]+)`", prose)]
    lines = [line for block in blocks(page) for command in block.commands for line in _joined(command)]
    for call in {"text": spans, "blocks": lines, "all": spans + lines}[of]:
        found = re.search(r"(?<![\w/-])(?:\.venv/bin/)?retention-signals (.*)", call)
        if found is not None:
            yield _words(found[1])


def _joined(command: str) -> list[str]:
    return command.replace("\\\n", " ").splitlines()


def _words(call: str) -> list[str]:
    """Return the words of a call, up to a comment or what the shell does with it."""
    words = []
    for word in shlex.split(re.sub(r"\$\([^)]*\)", "X", call), comments=True):
        if word in {"&", "|", ">", ";", "&&", "||", "..."}:
            break
        words.append(word)
    return words
