"""A real browser for the tests of pages, where there is one: Debian's Chromium with its driver."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


@contextmanager
def chromium(*, scripts: bool = True) -> Iterator[webdriver.Chrome]:
    """Give a browser without a window; without `scripts` only what the driver itself runs is one."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for switch in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "disable-background-networking",
    ):
        options.add_argument(f"--{switch}")
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    with webdriver.Chrome(options=options, service=Service(DRIVER)) as browser:
        yield browser
