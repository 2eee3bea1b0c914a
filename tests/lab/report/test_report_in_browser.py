"""The report as a browser lays it out: on a phone nothing is cut away and nothing overflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from streams.lab.report import render
from tests.chromium import CHROMIUM, DRIVER, chromium
from tests.lab.report_data import HOSTILE, report_data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WIDTHS = (320, 390, 641, 860, 861, 1100)

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver is here")

# Cells of a table that are not laid out, or stand beyond the edge, with their text.
CUT_AWAY = """
return [...document.querySelectorAll('tbody th, tbody td')]
  .filter(cell => !cell.closest('details:not([open])'))
  .filter(cell => {
    const box = cell.getBoundingClientRect(), edge = document.documentElement.clientWidth + 0.5;
    return box.width < 1 || box.height < 1 || box.left < 0 || box.right > edge;
  })
  .map(cell => cell.textContent.trim());
"""
OVERFLOW = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
LABELS = """
return [...document.querySelector('.ranking tbody tr').cells].map(
  cell => getComputedStyle(cell, '::before').content.replaceAll('"', ''));
"""
PRINTED = """
return [...document.querySelectorAll('details')].map(one => {
  const table = one.querySelector('table');
  return [one.className, table.checkVisibility({contentVisibilityAuto: true})];
});
"""


@pytest.fixture(name="browser", scope="module")
def browser_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Open the report in Chromium."""
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(report_data()), encoding="utf-8")
    with chromium() as browser:
        browser.get(path.as_uri())
        yield browser


def narrow(browser: webdriver.Chrome, width: int) -> None:
    """Make the page as wide as a phone, or another thing, is."""
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 640}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen"})


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_and_no_cell_is_cut_away(browser: webdriver.Chrome, width: int) -> None:
    """Not even a customer id without a blank, nor the folded parts once they are open."""
    narrow(browser, width)
    assert HOSTILE in browser.page_source.replace("&lt;", "<").replace("&gt;", ">")
    assert browser.execute_script(OVERFLOW) == 0
    assert browser.execute_script(CUT_AWAY) == []
    browser.execute_script(OPEN_ALL)
    assert browser.execute_script(OVERFLOW) == 0
    assert browser.execute_script(CUT_AWAY) == []


def test_on_a_phone_every_value_has_its_label(browser: webdriver.Chrome) -> None:
    narrow(browser, 390)
    rank, name, *labels = browser.execute_script(LABELS)
    assert (rank, name) == ("none", "none")
    assert labels == [
        "Level",
        "Chance now",
        "At risk now, USD",
        "Usual a month",
        "Spent since the contact",
        "Win back by",
        "When raised",
    ]


def test_print_shows_the_settings_and_leaves_the_log_odds_folded(browser: webdriver.Chrome) -> None:
    browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = false; })")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    # The page is laid out anew when the browser comes to it.
    WebDriverWait(browser, 20).until(lambda _: printed(browser)["printed"] == {True})
    assert printed(browser) == {"printed": {True}, "folded": {False}}


def printed(browser: webdriver.Chrome) -> dict[str, set[bool]]:
    """Return whether what is printed, and what stays folded, is seen."""
    shown = browser.execute_script(PRINTED)
    return {
        "printed": {visible for name, visible in shown if name == "printed"},
        "folded": {visible for name, visible in shown if name != "printed"},
    }
