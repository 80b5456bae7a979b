"""The page of preprocessing: sections when their data exist, and what they show."""

import re

import numpy as np
import pytest

from brainfill.core.volume import Mask, Scan
from brainfill.preprocess.template import Template
from brainfill.report.page import page
from brainfill.report.preprocess import preprocess_part
from brainfill.tasks._base import Result

FACTS = {
    "GeneratedBy": {"Name": "brainfill", "Version": "0.1.0"},
    "Steps": [
        {"Step": "skullstrip", "Settings": {}, "SkullStripBackend": "hd-bet"},
        {"Step": "n4", "Settings": {}},
    ],
    "Warnings": [],
}
REGISTERED = {
    "Step": "register",
    "Settings": {},
    "Template": "MNI152NLin2009aSym",
    "TransformKind": "affine",
    "Correlation": 0.6123,
    "BrainOverlapDice": 0.95,
    "LesionMasked": True,
}


@pytest.fixture
def scan(brain, brain_grids):
    grid = brain_grids["LAS"]
    image = brain(grid)
    lesion = np.zeros(grid.shape, bool)
    lesion[15:18, 20:23, 15:18] = True
    return Scan("sub-01", {"T1w": image}, Mask(lesion, grid))


def products(scan, template=None):
    image = scan.images["T1w"]
    found = {
        "desc-preproc_T1w.nii.gz": image.like(image.data * 1.1),
        "desc-brain_mask.nii.gz": Mask(image.data > 0, image.grid),
    }
    if template:
        found["space-MNI152NLin2009aSym_desc-preproc_T1w.nii.gz"] = template.image
    return Result(found)


def ids(text):
    return re.findall(r'<h2 id="([^"]*)"', text)


def test_without_registration(scan):
    part = preprocess_part(scan, products(scan), FACTS, None)
    assert ids(page("x", [part])) == ["brain", "steps", "methods", "record"]
    assert part.summary["steps"] == "skullstrip · n4"
    assert "stripped of everything but the brain by HD-BET [hd-bet]" in part.methods
    assert part.sections[0].html.count('class="rim second"') > 0


def test_with_registration(scan, brain, brain_grids):
    grid = brain_grids["RAS"]
    image = brain(grid)
    template = Template("MNI152NLin2009aSym", image, Mask(image.data > 0, grid))
    facts = FACTS | {"Steps": [*FACTS["Steps"], REGISTERED]}
    part = preprocess_part(scan, products(scan, template), facts, template)
    assert [s.id for s in part.sections] == ["brain", "steps", "registration"]
    assert part.summary["fit (correlation)"] == "0.61"
    shown = part.sections[-1].html
    assert shown.count("<clipPath") == 3
    assert "<dt>lesions left out of the fit</dt><dd>yes</dd>" in shown
    text = (
        "registered to MNI152NLin2009aSym [icbm] by an affine transform, with the lesions left out"
    )
    assert text in part.methods


def test_without_lesions_or_brain(scan):
    bare = Scan("sub-01", dict(scan.images))
    part = preprocess_part(bare, products(bare), FACTS, None)
    assert 'class="rim second"' not in part.sections[0].html
    alone = Result({"desc-preproc_T1w.nii.gz": scan.images["T1w"]})
    part = preprocess_part(bare, alone, FACTS | {"Steps": []}, None)
    assert [s.id for s in part.sections] == ["steps"]
