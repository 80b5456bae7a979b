"""The page of a fill: every section when its data exist, nothing that is not there, no markup from names."""

import html
import re

import numpy as np
import pytest
from report_cases import FILL_FACTS, filled

from brainfill.core.context import Context
from brainfill.preprocess.foreground import foreground
from brainfill.report import white
from brainfill.report.fill import fill_part
from brainfill.report.fill_methods import methods
from brainfill.report.page import MOST_BYTES, page
from brainfill.report.thumbnail import thumbnail
from brainfill.tasks.fill import fill_measures

ALWAYS = ["lesions", "fill", "difference", "intensities", "stripes", "look"]


@pytest.fixture
def case(phantom_scan, any_grid):
    return phantom_scan(any_grid)


def sections(text):
    return re.findall(r'<h2 id="([^"]*)"', text)


def test_every_section_on_any_grid(case):
    scan, result = filled(case)
    part = fill_part(scan, result, FILL_FACTS, Context())
    assert [s.id for s in part.sections] == ALWAYS
    text = page(scan.subject, [part], ["brainfill", "fill", "a b.nii.gz"])
    assert sections(text) == [*ALWAYS, "methods", "record"]
    assert "brainfill fill &#x27;a b.nii.gz&#x27;" in text
    assert len(text.encode()) < MOST_BYTES
    assert "white matter" in text


@pytest.fixture
def small(phantom_scan, grids):
    return phantom_scan(grids["LPS"])


def test_uncertainty_is_shown_when_it_was_measured(small):
    scan, result = filled(small, sd=True)
    part = fill_part(scan, result, FILL_FACTS, Context())
    (shown,) = [s for s in part.sections if s.id == "uncertainty"]
    assert "Standard deviation of 4 samples" in shown.html
    assert "median inside the fill is 20." in shown.html


def test_without_a_brain_the_page_says_so(small, monkeypatch):
    monkeypatch.setattr(white, "white_matter", lambda *_: None)
    monkeypatch.setattr("brainfill.report.fill.white_matter", lambda *_: None)
    scan, result = filled(small)
    part = fill_part(scan, result, FILL_FACTS, Context())
    shown = next(s.html for s in part.sections if s.id == "intensities")
    assert "no brain was found" in shown
    assert 'class="area"' not in shown


def test_names_warnings_and_commands_are_text(small):
    scan, result = filled(small, name="<b>bold</b>")
    facts = FILL_FACTS | {"Warnings": ["<i>odd</i> & so on"]}
    text = page(scan.subject, [fill_part(scan, result, facts, Context())], ["fill", "<script>x"])
    for name in ("<b>bold</b>", "<i>odd</i>", "<script>x"):
        assert name not in text
        assert html.escape(name) in text


def test_warnings_are_shown_or_their_absence(small):
    scan, result = filled(small)
    facts = FILL_FACTS | {"Warnings": ["3 of 9 lesion voxels show background"]}
    warned = page("x", [fill_part(scan, result, facts, Context())])
    assert "<li>3 of 9 lesion voxels show background</li>" in warned
    assert "No warnings." not in warned
    assert "No warnings." in page("x", [fill_part(scan, result, FILL_FACTS, Context())])


def test_the_page_asks_no_network_for_anything(small):
    scan, result = filled(small)
    text = page("x", [fill_part(scan, result, FILL_FACTS, Context())])
    sources = re.findall(r'(?:src|href)="(?!data:|#)([^"]*)"', text)
    assert all(s.startswith(("https://doi.org/", "https://arxiv.org/")) for s in sources)
    assert not re.search(r"<(link|img|script)[^>]+(?:src|href)=\"https?:", text)


def test_the_same_fill_has_the_same_page(small):
    scan, result = filled(small)
    pages = [page("x", [fill_part(scan, result, FILL_FACTS, Context())]) for _ in range(2)]
    assert pages[0] == pages[1]


def test_ids_are_there_once(small):
    scan, result = filled(small, sd=True)
    text = page("x", [fill_part(scan, result, FILL_FACTS, Context())])
    ids = re.findall(r'\sid="([^"]*)"', text)
    assert sorted(ids) == sorted(set(ids))


def test_measures_of_a_flat_fill(small):
    scan, result = filled(small)
    image, volumes = scan.images["T1w"], result.volumes
    head = foreground(image)
    found = fill_measures(image, volumes["filled"], scan.lesion, volumes["hole"], head)
    assert list(found["StripeIndex"]["After"]) == ["x", "y", "z"]
    assert found["BorderStepPct"] < 10


def test_the_page_shows_the_measures_of_the_record(small):
    scan, result = filled(small)
    part = fill_part(scan, result, FILL_FACTS, Context())
    (stripes,) = [s.html for s in part.sections if s.id == "stripes"]
    assert "1.21" in stripes
    assert part.summary["largest stripe index"] == "1.21"
    assert part.summary["step at borders"] == "2.5 %"


def test_a_thumbnail_is_a_small_picture_even_without_lesions(small):
    for scan in (small, type(small)("x", {"T1w": small.images["T1w"]})):
        content = thumbnail(scan)
        assert content.startswith(b"\x89PNG")
        assert len(content) < 10_000


# The words of the methods.


def test_methods_of_samples_and_of_the_best_guess():
    drawn = methods(FILL_FACTS)
    assert "1 lesion of together 0.18 ml" in drawn
    assert (
        "grown by 1 mm, at least one voxel, inside the head, and fill and scan were blended"
        in drawn
    )
    assert "the mean of 4 samples drawn in 1 step by the sampler ddim [ddim]" in drawn
    guess = methods(FILL_FACTS | {"Samples": 0})
    assert "best guess (balanced effort)" in guess


@pytest.mark.parametrize("name", ["patch", "localmean", "histogram", "harmonic", "fsl", "niftyseg"])
def test_every_method_has_words(name):
    text = methods(FILL_FACTS | {"Method": name})
    assert "{" not in text
    assert f"The method was {name}" not in text


def test_no_growth_is_not_told():
    arguments = FILL_FACTS["BrainfillArguments"] | {"dilate": 0}
    assert "grown by" not in methods(FILL_FACTS | {"BrainfillArguments": arguments})


def test_white_matter_is_the_brightest_class(small):
    found = white.white_matter(small, Context())
    image = small.images["T1w"].data
    inside = small.brain.data & ~small.lesion.data
    assert found is not None
    assert np.median(image[found.data]) > np.percentile(image[inside], 55)
    assert not (found.data & small.lesion.data).any()
