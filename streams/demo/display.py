"""The scene on standard output: a live screen on a terminal, else lines as it goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console
from rich.live import Live

from streams.demo.scene import Scene
from streams.demo.view import line, screen

_LINE_SECONDS: Final = 3.0


@contextmanager
def displayed(scene: Scene) -> Iterator[Callable[[], None]]:
    """Give what shows the scene as it is now, several times a second; milestones are left on a terminal."""
    console = Console()
    lines = _Lines(scene)
    if not console.is_terminal:
        yield lines.draw
        return
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            yield lambda: live.update(screen(scene, console.height), refresh=True)
    finally:
        lines.print_milestones()


class _Lines:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._printed = 0
        self._next = _LINE_SECONDS

    def draw(self) -> None:
        """Print new milestones, and every few seconds how it stands."""
        self.print_milestones()
        if self._scene.seconds >= self._next:
            typer.echo(line(self._scene))
            self._next = self._scene.seconds + _LINE_SECONDS

    def print_milestones(self) -> None:
        """Print new milestones."""
        for seconds, text in self._scene.milestones[self._printed :]:
            typer.echo(f"{seconds:.0f} s: {text}")
        self._printed = len(self._scene.milestones)
