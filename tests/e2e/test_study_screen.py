"""The page of a study on screens large and small, light and dark."""

import re

import pytest
from study_browser import needs_browser

pytestmark = needs_browser


def screen(reader, width, height, scheme):
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500}
    reader.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    reader.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (820, 1180), (1440, 900)])
def test_it_fits_the_screen(reader, width, height):
    screen(reader, width, height, "light")
    reader.reload()
    reader.begin()
    assert reader.run("document.documentElement.scrollWidth") <= width
    box = reader.find("main").rect
    assert box["height"] >= 44  # for a finger
    boxes = reader.run(
        "[...document.querySelectorAll('.lesion:not([hidden]) figure')]"
        ".map(f => f.getBoundingClientRect()).map(r => [r.width, r.height, r.left, r.right])"
    )
    assert len(boxes) == 6
    assert all(w == pytest.approx(h, abs=0.5) and w > 120 for w, h, _, _ in boxes)
    assert all(left >= 0 and right <= width for _, _, left, right in boxes)
    if height > 500:  # nothing to scroll but on low screens
        assert reader.run("document.documentElement.scrollHeight") <= height


def luminance(colour):
    """Relative luminance of a CSS colour (WCAG 2)."""
    values = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_with_enough_contrast(reader, scheme):
    screen(reader, 1280, 800, scheme)
    reader.reload()
    reader.begin()
    reader.press("2", "c")
    pairs = reader.run(
        "['body', 'header', '#main', '[data-sure=\"1\"]', '[data-sure=\"2\"]', '#lesions .chosen b']"
        ".map(s => getComputedStyle(document.querySelector(s))).map(s => [s.color, s.backgroundColor])"
    )
    body = luminance(pairs[0][1])
    assert (body > 0.7) if scheme == "light" else (body < 0.05)
    for text, ground in pairs:
        if "rgba(0, 0, 0, 0)" in ground:
            continue
        light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5
    reader.find("help").click()
    reader.find("theme").click()
    assert (luminance(reader.run("getComputedStyle(document.body).backgroundColor")) > 0.3) == (
        scheme == "dark"
    )


def test_every_control_has_a_name(reader):
    reader.begin()
    nameless = reader.run(
        "[...document.querySelectorAll('button, input, textarea')].filter(e => "
        "!(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert nameless == []
    assert reader.run("document.documentElement.lang") == "en"
