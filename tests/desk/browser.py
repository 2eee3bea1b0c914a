"""A browser that looks at pages of the desk, with what tests ask of it."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import axe_core_python
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE: Final = 30
OVERFLOW: Final = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
SHOTS: Final = os.environ.get("DESK_SHOTS")
"""A folder for pictures of the pages, to be looked at."""
AXE: Final = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RUN_AXE: Final = """
const done = arguments[0];
axe.run(document, {resultTypes: ["violations"]}).then((found) => done(found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => [one.id, one.nodes.map((node) => node.html.slice(0, 120))])));
"""


class Page:
    """A browser, with what the tests ask of it."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self.browser = browser

    def open(self, url: str, width: int = 1280, *, dark: bool = False) -> None:
        """Open a page, and wait until its script listens."""
        self.shape(width, dark=dark)
        self.browser.get(url)
        self.until(lambda: self.script("return document.documentElement.classList.contains('scripted')"))

    def shape(self, width: int, *, dark: bool = False) -> None:
        """Lay the page out at a width, light or dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 640}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def script(self, text: str, *arguments: object) -> Any:
        """Return what a script does."""
        return self.browser.execute_script(text, *arguments)

    def one(self, selector: str) -> WebElement:
        """Return an element."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Return the text of an element; nothing if it is not there. At once: pages change all the time."""
        found: str = self.script(
            "return document.querySelector(arguments[0])?.innerText.replace(/\\s+/g, ' ') ?? ''", selector
        )
        return found

    def customers(self) -> list[str]:
        """Return the customers of the queue, in order."""
        found: list[str] = self.script(
            "return [...document.querySelectorAll('tbody th bdi')].map((one) => one.textContent)"
        )
        return found

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        WebDriverWait(self.browser, PATIENCE, poll_frequency=0.05).until(lambda _: holds())

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is: not of an element, which a page may replace meanwhile."""
        for key in keys:
            ActionChains(self.browser, duration=0).send_keys(key).perform()

    def serious(self) -> list[Any]:
        """Return what axe finds serious or critical."""
        self.script(AXE)
        found: list[Any] = self.browser.execute_async_script(RUN_AXE)
        return found

    def complaints(self) -> list[str]:
        """Return what the browser says went wrong: a broken policy, a file that did not come."""
        log = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        return [one["message"] for one in log]

    def shoot(self, name: str) -> None:
        """Keep a picture, if somebody wants to look."""
        if SHOTS:
            height = min(3000, self.script("return document.documentElement.scrollHeight"))
            width = self.script("return document.documentElement.clientWidth")
            shot = self.browser.execute_cdp_cmd(
                "Page.captureScreenshot",
                {
                    "captureBeyondViewport": True,
                    "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
                },
            )
            (Path(SHOTS) / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
