"""A browser, and studies to open in it."""

import json
import os

import pytest
from bids_cases import make_dataset
from cohort_cases import LABELS, direct
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from study_browser import CHROMIUM, DRIVER, Reader
from study_cases import case

from brainfill.core.context import Context
from brainfill.study.config import StudyConfig
from brainfill.study.key import key_from
from brainfill.tasks import study

FLAGS = [
    "--headless",
    "--use-angle=swiftshader",  # WebGL2 without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # On a busy machine a page that counts as hidden may never draw, and a click then waits for it.
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    profile = tmp_path_factory.mktemp("profile")
    for flag in [*FLAGS, *root, "--window-size=1280,800", f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield found
    found.quit()


def write(folder, **options):
    cases = [case(f"c{i}", seed=i) for i in range(3)]
    config = StudyConfig(crop_mm=30, pixel_mm=1, **options)
    result = study.run(cases, len(cases), config, Context())
    page = folder / "study.html"
    page.write_bytes(result.files[study.PAGE])
    return page, key_from(json.loads(result.files[study.KEY]), "key")


@pytest.fixture(scope="module")
def forced(tmp_path_factory):
    """A page with three cases of five lesions, and its key."""
    return write(tmp_path_factory.mktemp("forced"))


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    """A page on which six lesions are judged one by one, and its key."""
    return write(tmp_path_factory.mktemp("free"), free=True, candidates=2)


@pytest.fixture
def reader(driver, tmp_path, forced):
    """At the page with the forced choice; the page must not complain, nor ask the network for anything."""
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    found = Reader(driver, tmp_path, forced[0])
    yield found
    assert found.problems() == []
    assert found.run("performance.getEntriesByType('resource').map(e => e.name)") == []


@pytest.fixture
def judge(reader, free):
    """At the page where lesions are judged one by one."""
    return Reader(reader.driver, reader.folder, free[0])


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    """What `brainfill bids` by itself makes of the people of a cohort."""
    folder = tmp_path_factory.mktemp("alone")
    make_dataset(folder / "raw", LABELS)
    return direct(folder, "out", "--steps", "fill,smooth")
