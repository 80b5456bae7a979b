"""A reader in front of the page of a study: Chromium without a window, driven by Selenium."""

import json
import shutil
import time

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="needs Chromium and ChromeDriver (Debian: chromium, chromium-driver)",
)


class Reader:
    """Someone at the page, at its start."""

    def __init__(self, driver, folder, page):
        self.driver, self.folder, self.page = driver, folder, page
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.get(page.as_uri())
        driver.execute_script("localStorage.clear()")
        driver.get(page.as_uri())

    def find(self, id_):
        return self.driver.find_element(By.ID, id_)

    def press(self, *keys):
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def begin(self, name="Ann B"):
        self.find("rater").clear()
        self.find("rater").send_keys(name, Keys.ENTER)

    @property
    def stage(self):
        return (
            self.find("title").find_element(By.XPATH, "ancestor::body").get_attribute("data-stage")
        )

    @property
    def title(self):
        return self.find("title").text

    def run(self, script):
        return self.driver.execute_script(f"return {script}")

    def reload(self):
        self.driver.get(self.page.as_uri())

    def saved(self):
        """Press the button; what the file holds."""
        self.find("save").click()
        WebDriverWait(self.driver, 20).until(lambda _: any(self.folder.glob("answers_*.json")))
        (path,) = self.folder.glob("answers_*.json")
        plain = json.loads(path.read_text())
        path.rename(path.with_name(f"seen-{time.monotonic_ns()}.json"))
        return path.name, plain

    def problems(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]
