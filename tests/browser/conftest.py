"""A real browser, headless: Chromium, driven through its own driver. Where one is missing the tests are skipped."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Nothing of these asks the network for anything by itself.
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--disable-extensions", "--disable-default-apps", "--force-color-profile=srgb",
)  # fmt: skip


class Browser:
    """The browser, and what it has said since it was asked last."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path) -> None:
        self.requests()
        self.messages()
        self.driver.get(path.as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def messages(self) -> list[str]:
        """What stands on the console: errors of scripts, and what the policy has refused."""
        return [one["message"] for one in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for, data within the page aside."""
        events = (json.loads(one["message"])["message"] for one in self.driver.get_log("performance"))
        asked = [
            one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"
        ]
        return [one for one in asked if not one.startswith("data:")]

    def size(self, width: int, height: int) -> None:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def scheme(self, name: str) -> None:
        """What the system says it likes: "light" or "dark"."""
        features = [
            {"name": "prefers-color-scheme", "value": name},
            {"name": "prefers-reduced-motion", "value": "reduce"},  # nothing is clicked at while it moves
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def tree(self) -> list[tuple[str, str]]:
        """Role and name of everything that a screen reader is told of."""
        nodes = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            (str(one.get("role", {}).get("value", "")), str(one.get("name", {}).get("value", "")))
            for one in nodes
            if not one.get("ignored")
        ]

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    from selenium import webdriver  # whose absence the test modules skip for

    program = shutil.which("chromium") or shutil.which("google-chrome")
    its_driver = shutil.which("chromedriver")
    if program is None or its_driver is None:
        said = "needs chromium and chromedriver (Debian: apt-get install chromium chromium-driver)"
        if os.environ.get("NWBIN_CI_BROWSER"):  # they are there, or it is a failure
            pytest.fail(said)
        pytest.skip(said)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for one in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(one)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=its_driver))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
