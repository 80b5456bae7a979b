"""The page of a study in a real browser: keys, mouse, progress, the saved file."""

import json
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from study_browser import needs_browser

from brainfill.study.answers import answers_from

pytestmark = needs_browser


def test_a_study_by_keys(reader, forced):
    key = forced[1]
    began = time.monotonic()
    reader.begin()
    assert reader.title == "Case 1 of 3"
    time.sleep(0.3)
    reader.press("2", Keys.ENTER)
    assert reader.title == "Case 2 of 3"
    reader.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ENTER)
    assert reader.title == "Case 2 of 3"  # chosen; once more goes on
    reader.press("c", "c", Keys.ENTER)
    assert reader.title == "Case 3 of 3"
    reader.press(Keys.ARROW_LEFT, Keys.ENTER, "c", Keys.ENTER)
    assert reader.stage == "end"
    assert "All 3 answered" in reader.find("summary").text
    name, plain = reader.saved()
    assert name == f"answers_{key.study}_Ann-B.json"
    found = answers_from(plain, name, key)
    assert (found.rater, found.form) == ("Ann B", "forced")
    assert {q: (a.choice, a.confidence) for q, a in found.answers.items()} == {
        "q1": (2, None),
        "q2": (3, 2),
        "q3": (5, 1),
    }
    # Looked at for 0.3 s at least; all together no longer than the test took, but for rounding to 0.1 s.
    assert found.answers["q1"].seconds >= 0.3
    assert sum(a.seconds for a in found.answers.values()) < time.monotonic() - began + 0.15
    shown = json.loads(reader.find("text").get_attribute("value"))
    assert shown["answers"] == plain["answers"]


def test_a_choice_can_be_changed_until_the_end(reader, forced):
    reader.begin()
    reader.press("2", "4", Keys.ARROW_LEFT, Keys.ENTER)  # 3, lesion 3 shown and chosen
    assert reader.find("main").text.startswith("Next case")
    reader.press(Keys.ENTER, "p", "1", Keys.ENTER)
    reader.find("list").click()
    assert reader.saved()[1]["answers"]["q1"]["choice"] == 1


def test_a_number_without_a_lesion_does_nothing(reader):
    reader.begin()
    reader.press("6", "0", "x")
    assert reader.find("main").text.startswith("Choose lesion 1")


def test_a_study_by_mouse_or_touch(reader):
    reader.begin()
    tabs = reader.find("lesions").find_elements(By.TAG_NAME, "button")
    assert len(tabs) == 5
    tabs[3].click()
    assert reader.find("main").text.startswith("Choose lesion 4")
    reader.find("main").click()
    assert tabs[3].get_attribute("aria-label") == "Lesion 4, chosen"
    reader.driver.find_element(By.CSS_SELECTOR, "[data-sure='3']").click()
    reader.find("main").click()
    assert reader.title == "Case 2 of 3"
    reader.find("list").click()
    answers = reader.saved()[1]["answers"]
    assert (answers["q1"]["choice"], answers["q1"]["confidence"]) == (4, 3)
    assert list(answers) == ["q1"]


def test_only_the_lesion_in_view_is_seen(reader):
    reader.begin()
    shown = "[...document.querySelectorAll('.lesion')].map(e => e.offsetParent !== null)"
    assert reader.run(shown) == [True, False, False, False, False]
    reader.press(Keys.ARROW_RIGHT)
    assert reader.run(shown) == [False, True, False, False, False]
    sizes = reader.run(
        "[...document.querySelectorAll('.lesion:not([hidden]) img')].map(i => [i.complete, i.naturalWidth, i.alt])"
    )
    assert [size[:2] for size in sizes] == [[True, 31]] * 6
    assert sizes[0][2] == "Lesion 2, T1w, axial plane"


def test_reloading_keeps_the_progress(reader):
    reader.begin()
    reader.press("2", "c", Keys.ENTER, "3")
    reader.reload()
    assert reader.stage == "intro"
    assert reader.find("rater").get_attribute("value") == "Ann B"
    reader.press(Keys.ENTER)
    assert reader.title == "Case 2 of 3"
    assert reader.find("main").text.startswith("Next case")
    reader.press("p")
    reader.find("list").click()
    answers = reader.saved()[1]["answers"]
    assert {q: a["choice"] for q, a in answers.items()} == {"q1": 2, "q2": 3}
    assert answers["q1"]["confidence"] == 1


def test_raters_at_one_computer_do_not_mix(reader):
    reader.begin("Ann")
    reader.press("2", Keys.ENTER)
    reader.reload()
    reader.begin("Bob")
    assert reader.title == "Case 1 of 3"
    reader.find("list").click()
    assert "0 of 3 answered; 3 still open" in reader.find("summary").text


def test_a_name_is_needed(reader):
    reader.find("rater").send_keys("  ", Keys.ENTER)
    assert reader.stage == "intro"


def test_cases_left_open_are_told_and_can_be_reached(reader):
    reader.begin()
    reader.press("n", "2", Keys.ENTER, "n")
    assert "1 of 3 answered; 2 still open" in reader.find("summary").text
    labels = [
        b.get_attribute("aria-label")
        for b in reader.find("cases").find_elements(By.TAG_NAME, "button")
    ]
    assert labels == ["Case 1, open", "Case 2, answered", "Case 3, open"]
    reader.find("cases").find_elements(By.TAG_NAME, "button")[2].click()
    assert reader.title == "Case 3 of 3"


def test_outline_zoom_and_display(reader):
    reader.begin()
    outline = "getComputedStyle(document.querySelector('.lesion svg')).display"
    assert reader.run(outline) != "none"
    reader.press("o")
    assert reader.run(outline) == "none"
    reader.press("o", "z")
    assert (
        reader.run("getComputedStyle(document.querySelector('.lesion img')).transform")
        == "matrix(2, 0, 0, 2, 0, 0)"
    )
    reader.press("?")
    assert reader.find("panel").is_displayed()
    reader.press("2")  # keys rest while the panel is open
    reader.run(
        "(document.getElementById('contrast').value = 2, document.getElementById('contrast').oninput())"
    )
    assert "contrast(2)" in reader.run(
        "getComputedStyle(document.querySelector('.lesion img')).filter"
    )
    reader.find("usual").click()
    assert "contrast(1)" in reader.run(
        "getComputedStyle(document.querySelector('.lesion img')).filter"
    )
    reader.press(Keys.ESCAPE)
    assert reader.find("main").text.startswith("Choose lesion 1")


def test_the_outline_encloses_the_lesion(reader):
    # In FLAIR the lesion is brighter than all around it.
    reader.begin()
    inside, outside = reader.run(
        """(() => {
          const figure = document.querySelectorAll('.lesion:not([hidden]) figure')[3];
          const path = figure.querySelector('path'), img = figure.querySelector('img');
          const canvas = document.createElement('canvas'), n = canvas.width = canvas.height = img.naturalWidth;
          const context = canvas.getContext('2d', {willReadFrequently: true});
          context.drawImage(img, 0, 0);
          const sums = [[0, 0], [0, 0]];
          for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) {
            const point = figure.querySelector('svg').createSVGPoint();
            [point.x, point.y] = [x + 0.5, y + 0.5];
            const k = path.isPointInFill(point) ? 0 : 1;
            sums[k][0] += context.getImageData(x, y, 1, 1).data[0];
            sums[k][1]++;
          }
          return sums.map(([sum, count]) => sum / count);
        })()"""
    )
    assert inside > outside + 50


def test_lesions_judged_one_by_one(judge, free):
    key = free[1]
    judge.begin()
    assert judge.title == "Case 1 of 6"
    assert not judge.find("lesions").is_displayed()
    assert not judge.find("main").is_enabled()
    judge.press(Keys.ENTER)
    assert judge.title == "Case 1 of 6"
    judge.press("1", Keys.ENTER, "s", Keys.ENTER, Keys.ARROW_RIGHT, "r", "c", Keys.ENTER)
    judge.find("list").click()
    found = answers_from(judge.saved()[1], "saved", key)
    assert {q: (a.choice, a.confidence) for q, a in found.answers.items()} == {
        "q1": (1, None),
        "q2": (2, None),
        "q3": (1, 1),
    }


def test_enter_goes_on_whichever_button_was_clicked(judge):
    judge.begin()
    judge.driver.find_element(By.CSS_SELECTOR, "[data-choice='1']").click()
    judge.press("2", Keys.ENTER)
    assert judge.title == "Case 2 of 6"
    judge.press("2", Keys.ENTER)
    assert judge.title == "Case 3 of 6"
    judge.find("list").click()
    assert [a["choice"] for a in judge.saved()[1]["answers"].values()] == [2, 2]


def test_a_browser_that_keeps_nothing(reader):
    refuse = (
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no'); }})"
    )
    script = reader.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": refuse}
    )
    try:
        reader.reload()
        assert "keeps nothing" in reader.find("kept").text
        reader.begin()
        reader.press("2", Keys.ENTER)
        reader.find("list").click()
        assert reader.saved()[1]["answers"]["q1"]["choice"] == 2
    finally:
        reader.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
