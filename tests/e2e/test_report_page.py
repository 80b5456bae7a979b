"""Pages of people and groups in a real browser, from a file: slider, viewer, sorting, screens, no network."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from report_pages import people_page, person_page
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from study_browser import needs_browser

pytestmark = needs_browser
# On a busy machine without a graphics card, a picture takes its time.
PATIENCE_S = 120


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Both pages on disk."""
    folder = tmp_path_factory.mktemp("pages")
    for name, text in (("person", person_page()), ("group", people_page())):
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


def media(driver, scheme="light"):
    """Say what the reader prefers: light or dark, and no motion, since pictures are taken while a page scrolls."""
    wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    features = [{"name": name, "value": value} for name, value in wanted.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@pytest.fixture
def browser(driver):
    """A browser that must not complain, nor ask the network for anything."""
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    media(driver)
    driver.get("about:blank")
    driver.get_log("browser")
    yield driver
    assert [e["message"] for e in driver.get_log("browser")] == []
    asked = driver.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
    )
    assert [name for name in asked if not name.startswith(("data:", "blob:"))] == []


@pytest.fixture
def person(browser, pages):
    browser.get((pages / "person.html").as_uri())
    return browser


@pytest.fixture
def group(browser, pages):
    browser.get((pages / "group.html").as_uri())
    return browser


def run(driver, script):
    return driver.execute_script(f"return {script}")


# The slider.


def cuts(driver):
    found = run(
        driver,
        "[...document.querySelectorAll('#cuts clipPath rect')].map(r => +r.getAttribute('x'))",
    )
    lines = run(
        driver, "[...document.querySelectorAll('#cuts .cut')].map(r => +r.getAttribute('x1'))"
    )
    assert found == lines
    return found


def test_the_slider_moves_the_border_in_every_plane(person):
    widths = run(
        person, "[...document.querySelectorAll('#cuts svg')].map(s => s.viewBox.baseVal.width)"
    )
    assert len(widths) == 3
    assert cuts(person) == pytest.approx([w / 2 for w in widths])
    slider = person.find_element(By.CSS_SELECTOR, "input[data-cuts=cuts]")
    slider.send_keys(Keys.HOME)
    assert cuts(person) == [0, 0, 0]
    slider.send_keys(Keys.ARROW_RIGHT)
    assert cuts(person) == pytest.approx([w / 100 for w in widths])
    slider.send_keys(Keys.END)
    assert cuts(person) == pytest.approx(widths)


def shot(driver, selector):
    """The pixels of an element, grey."""
    element = driver.find_element(By.CSS_SELECTOR, selector)
    driver.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element
    )
    return np.asarray(Image.open(io.BytesIO(element.screenshot_as_png)).convert("L"), float)


def test_the_slider_shows_the_scan_or_the_fill(person):
    slider = person.find_element(By.CSS_SELECTOR, "input[data-cuts=cuts]")
    slider.send_keys(Keys.HOME)
    after = shot(person, "#cuts svg")
    slider.send_keys(Keys.END)
    before = shot(person, "#cuts svg")
    assert before.shape == after.shape
    inner = (before - after)[:, 10:-10]
    # The lesion is dark before; it covers about one part in twenty of this plane.
    assert 0.01 < (inner < -40).mean() < 0.2
    assert (inner > 40).mean() < 0.005


# The viewer.


def brightness(driver):
    """Of what the viewer shows: mean and spread."""
    pixels = shot(driver, "#canvas")
    return pixels.mean(), pixels.std()


def test_the_viewer_shows_the_volume_on_demand(person):
    button = person.find_element(By.ID, "view")
    assert not person.find_element(By.ID, "viewer").is_displayed()
    assert run(person, "window.niivue === undefined")
    button.click()
    WebDriverWait(person, PATIENCE_S).until(
        lambda d: d.find_element(By.ID, "view-said").text != "Unpacking …"
    )
    assert person.find_element(By.ID, "view-said").text == ""
    WebDriverWait(person, PATIENCE_S).until(lambda d: brightness(d)[1] > 20)
    after = brightness(person)[0]
    person.find_element(By.ID, "view-lesion").click()
    person.find_element(By.CSS_SELECTOR, "[name=which][value=before]").click()
    WebDriverWait(person, PATIENCE_S).until(
        lambda d: brightness(d)[0] < after
    )  # the lesion is dark
    button.click()
    assert not person.find_element(By.ID, "viewer").is_displayed()
    assert button.get_attribute("aria-expanded") == "false"


def test_without_webgl_a_sentence_stands_in(person):
    person.execute_script("HTMLCanvasElement.prototype.getContext = () => null")
    person.find_element(By.ID, "view").click()
    assert "needs WebGL2" in person.find_element(By.ID, "view-said").text
    assert not person.find_element(By.ID, "viewer").is_displayed()


# Screens and readers.


@pytest.mark.parametrize("name", ["person", "group"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_the_screen(browser, pages, name, width):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get((pages / f"{name}.html").as_uri())
    assert run(browser, "document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser, pages, scheme):
    media(browser, scheme)
    browser.get((pages / "person.html").as_uri())
    colour = run(browser, "getComputedStyle(document.body).backgroundColor")
    values = json.loads(colour.replace("rgb(", "[").replace(")", "]"))
    assert (min(values) > 200) if scheme == "light" else (max(values) < 60)


@pytest.mark.parametrize("name", ["person", "group"])
def test_everything_has_a_name_and_headings_have_an_order(browser, pages, name):
    browser.get((pages / f"{name}.html").as_uri())
    nameless = run(
        browser,
        "[...document.querySelectorAll('button, input, img, svg[role=img], canvas')].filter(e => !(e.textContent.trim() || "
        "e.getAttribute('aria-label') || e.labels?.length || e.hasAttribute('alt'))).map(e => e.outerHTML)",
    )
    assert nameless == []
    levels = run(browser, "[...document.querySelectorAll('h1, h2, h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) <= 1


# The group.


def names(driver):
    return run(
        driver,
        "[...document.querySelectorAll('.people tbody tr:not([hidden])')].map(r => r.cells[1].dataset.value)",
    )


def press(driver, heading):
    driver.find_element(By.XPATH, f"//th/button[contains(., '{heading}')]").click()


def test_the_group_is_sorted_by_any_column(group):
    assert names(group) == [f"sub-{i}" for i in (*range(1, 9), 10)]
    press(group, "Stripe index")
    assert names(group)[-2:] == ["sub-8", "sub-10"]  # what is not known comes last
    press(group, "Stripe index")
    assert names(group)[0] == "sub-8"
    assert names(group)[-1] == "sub-10"
    press(group, "Lesions [ml]")
    # (7 i) mod 8 falls from 7 to 1; 4.5 ml lies between.
    assert names(group) == [f"sub-{i}" for i in (7, 6, 5, 8, 4, 3, 2, 1, 10)]
    press(group, "Person")
    assert names(group)[-1] == "sub-10"  # as a number
    head = group.find_element(By.XPATH, "//th[button[contains(., 'Person')]]")
    assert head.get_attribute("aria-sort") == "ascending"


def test_only_those_that_stand_out_or_failed(group):
    group.find_element(By.ID, "only").click()
    assert names(group) == ["sub-8", "sub-10"]
    assert "2 people" in run(group, "document.getElementById('shown').textContent")
    group.find_element(By.ID, "only").click()
    assert len(names(group)) == 9


def test_people_lead_to_their_pages(group, pages):
    link = group.find_element(By.LINK_TEXT, "sub-8")
    assert link.get_attribute("href") == (pages / "sub-8.html").as_uri()
