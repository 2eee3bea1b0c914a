"""docs/performance.md and its pictures, drawn up from the measured cells.

The page is written by hand but for the places between `<!-- NAME -->` and `<!-- end -->`.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Final

from bench.page.plots import pictures
from bench.page.tables import blocks
from bench.scale.results import Result, read, table
from bench.shared.command_line import parser

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "performance.md"
PICTURES: Final = DOCS / "performance"
MEASURED: Final = PICTURES / "measured.jsonl"
END: Final = "<!-- end -->"


def main(arguments: list[str] | None = None) -> None:
    """Take a file of results in place of the last one, if given, and write page and pictures."""
    asked = _parser().parse_args(arguments)
    if asked.results is not None:
        assert read(asked.results), f"{asked.results} has no results"
        MEASURED.write_bytes(asked.results.read_bytes())
    for path, text in written(read(MEASURED)).items():
        path.write_text(text, encoding="utf-8")


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("results", type=Path, nargs="?", help="what `python -m bench.scale` wrote")
    return found


def written(results: list[Result]) -> dict[Path, str]:
    """Return the text of the page and of each picture."""
    text = PAGE.read_text(encoding="utf-8")
    for name, block in blocks(results).items():
        begin = f"<!-- {name} -->\n"
        before, found, rest = text.partition(begin)
        _, end, after = rest.partition(END)
        assert found, f"the page has no place for {name}"
        assert end, f"the place for {name} does not end"
        text = f"{before}{begin}\n{block}\n\n{END}{after}"
    drawn = pictures(table(results)).items()
    return {PAGE: text, **{PICTURES / f"{name}.svg": picture for name, picture in drawn}}


if __name__ == "__main__":
    main()
