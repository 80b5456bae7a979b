"""Thickness on a page: a measurement, a comparison, and several parts on one page."""

import re

from brainfill.report.page import page
from brainfill.report.parts import Part, Section
from brainfill.report.thickness import cohort_section, compare_part, thickness_part
from brainfill.tasks._base import Result

MADE = {"GeneratedBy": {"Name": "brainfill", "Version": "0.1.0"}}
REGION = {
    "region": "<insula>",
    "hemisphere": "left",
    "before_mm": 2.0,
    "after_mm": 3.0,
    "change_pct": 20.0,
}
COMPARED = MADE | {
    "People": 2,
    "GlobalMean": {"ChangePct": 10.0},
    "ROIAverage": {"ChangePct": None},
}


def test_a_measurement():
    rows = [
        {"region": "insula", "hemisphere": "left", "mean_mm": 2.5, "sd_mm": 0.4, "volume_ml": 1.0}
    ]
    facts = MADE | {"Backend": "direct/deep", "Global": {"mean_mm": 2.5, "left_mm": 2.5}}
    part = thickness_part(Result(tables={"thickness": rows}, files={"picture": b"png"}), facts)
    assert part.summary == {"thickness, mean": "2.50 mm", "thickness, left": "2.50 mm"}
    assert "backend direct/deep [direct]" in part.methods
    assert "data:image/png;base64,cG5n" in part.sections[0].html
    assert "<img" not in thickness_part(Result(tables={"thickness": rows}), facts).sections[0].html


def test_a_comparison():
    result = Result(tables={"regions": [REGION]}, files={"region-map.svg": b"<svg/>"})
    part = compare_part(result, COMPARED)
    assert part.summary == {"change, global mean": "10.00 %", "people": "2"}
    shown = part.sections[0].html
    assert shown.count("<img") == 1
    assert "<td>&lt;insula&gt;</td><td>left</td><td>2</td><td>3</td><td>20</td>" in shown
    assert "Noise floor" not in shown


def test_near_lesions_in_words():
    rows = [REGION | {"near_lesion": 1}, REGION | {"region": "cuneus", "near_lesion": 0}]
    of_one = compare_part(Result(tables={"regions": rows}), COMPARED | {"People": 1})
    assert "<td>left</td><td>yes</td>" in of_one.sections[0].html
    assert "<td>left</td><td>no</td>" in of_one.sections[0].html
    assert "people" not in of_one.summary
    of_two = compare_part(Result(tables={"regions": rows}), COMPARED)
    assert "<td>left</td><td>1 of 2</td>" in of_two.sections[0].html
    unknown = compare_part(Result(tables={"regions": [REGION | {"near_lesion": None}]}), COMPARED)
    assert "Near a lesion" not in unknown.sections[0].html


def test_a_comparison_with_a_noise_floor():
    regions = [REGION | {"floor_pct": 1.0}]
    verdict = {"Sentence": "filling not needed for this tool"}
    part = compare_part(Result(tables={"regions": regions}), COMPARED | {"Verdict": verdict})
    assert "<b>filling not needed for this tool</b>" in part.sections[0].html
    assert "Noise floor [%]" in part.sections[0].html


def test_a_cohort_on_the_page_of_a_group():
    facts = COMPARED | {"NearLesion": {"ChangePct": 2.0, "IntervalPct": [1.5, 2.5]}}
    shown = cohort_section(facts, "c.html").html
    assert "<dt>change near lesions<br>1.50 to 2.50 %</dt><dd>2.00 %</dd>" in shown
    assert "<dd>10.00 %</dd>" in shown
    assert "mean over regions</dt>" not in shown  # not known
    assert '<a href="c.html">' in shown
    assert "<a " not in cohort_section(facts, "").html


def test_parts_share_one_page():
    one = Part(
        "fill", {"a": "1"}, [Section("x", "X", "1")], "By [n4].", {"Warnings": ["w"]}, ["viewer.js"]
    )
    other = Part(
        "compare",
        {"b": "2"},
        [Section("y", "Y", "2")],
        "By [bet] and [n4].",
        {"Warnings": ["w", "v"]},
    )
    text = page("sub-01", [one, other])
    assert re.findall(r'<h2 id="([^"]*)"', text) == ["x", "y", "methods", "record"]
    assert "brainfill · fill + compare" in text
    assert text.count("<li>w</li>") == 1
    assert "<p>By [1].</p><p>By [2] and [1].</p>" in text
    assert text.count("Record of") == 2
    assert text.count("niivue.Niivue") + text.count("new Niivue") == 1
    assert "new Niivue" not in page("sub-01", [other])


def test_a_page_without_a_record_has_no_section_for_it():
    assert 'id="record"' not in page("x", [Part("fill")])
    assert 'id="methods"' not in page("x", [Part("fill")])
