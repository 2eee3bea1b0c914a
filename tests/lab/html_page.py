"""A page as a browser would make it of its text."""

from __future__ import annotations

from html.parser import HTMLParser

from typing_extensions import override


class Page(HTMLParser):
    """Elements with their attributes, and the text; `unfolded` is what is read with all `details` shut."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.unfolded = ""
        self._hidden = 0
        self.feed(html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._hidden += tag in {"details", "style"}
        self._add(" " * (tag in {"td", "th", "dt", "dd"}))

    @override
    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"details", "style"}

    @override
    def handle_data(self, data: str) -> None:
        self._add(data)

    def _add(self, text: str) -> None:
        self.text += text
        if not self._hidden:
            self.unfolded += text

    def count(self, tag: str, css_class: str = "") -> int:
        """Return how many elements there are of a tag, and of a class if one is given."""
        return sum(
            name == tag and css_class in (attrs.get("class") or "").split() if css_class else name == tag
            for name, attrs in self.elements
        )

    def plain(self) -> str:
        """Return the text with every run of blanks, also unbreakable ones, as one."""
        return " ".join(self.text.split())

    def in_sight(self) -> str:
        """Return the same of the text outside `details`."""
        return " ".join(self.unfolded.split())
