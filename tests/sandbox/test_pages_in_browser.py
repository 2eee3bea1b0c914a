"""The pages as a browser lays them out, without a script: on a phone nothing overflows; a button works."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

from streams.sandbox.store import Store
from tests.chromium import CHROMIUM, DRIVER, chromium
from tests.sandbox.sandbox_cases import HOSTILE, bridge, case, drawn_cases, sandbox

OVERFLOW = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
WIDTHS = (320, 390, 980, 981, 1180)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver is here"),
]


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[webdriver.Chrome]:
    with chromium(scripts=False) as browser:  # the pages need none
        yield browser


def test_nothing_overflows_no_rule_is_broken_and_a_button_tells_the_bridge(
    browser: webdriver.Chrome, store: Store
) -> None:
    seen: list[tuple[int, str]] = []

    def look(url: str) -> str:
        browser.get(f"{url}/case?id=a-1")
        browser.find_element(By.CSS_SELECTOR, "button[value=contacted]").click()
        # The page that follows comes when the bridge has answered.
        answered = expected_conditions.presence_of_element_located((By.CSS_SELECTOR, ".sent"))
        shown = WebDriverWait(browser, 60).until(answered).text
        for path in ("/", "/case?id=a-1"):
            browser.get(url + path)
            for width in WIDTHS:
                size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 640}
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                seen.append((browser.execute_script(OVERFLOW), f"{path} at {width}"))
        return shown

    async def serve() -> str:
        async with bridge() as one, sandbox(store, one.url) as client:
            for each in drawn_cases():
                await client.deliver(each)
            long: dict[str, Any] = {
                "customer_id": "c" * 128,
                "owner": HOSTILE * 3,
                "title": "t" * 100,
                "level": "l" * 60,
                "currency": "U" * 99,
            }
            await client.deliver(case(**long))
            shown = await asyncio.to_thread(look, client.url)
            assert one.got[0][1]["status"] == "contacted"
            return shown

    shown = asyncio.run(serve())
    assert "contacted" in shown
    assert "The bridge: 202, taken" in shown
    assert [one for one in seen if one[0]] == []
    # A broken content policy would be told here, as would a style sheet that did not come.
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
