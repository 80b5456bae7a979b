"""What file names say: forms of lesion masks, which belong to which scan, filters."""

from pathlib import Path

import pytest

from brainfill.bids.names import belongs, is_lesion, is_native, parse, passes, short_keys
from brainfill.core.errors import ConfigError


def name(text):
    return parse(Path(text))


@pytest.mark.parametrize(
    "text",
    [
        "sub-001_label-lesion_roi.nii.gz",  # fMRIPrep
        "sub-001_T1w_label-lesion_roi.nii.gz",  # fMRIPrep before, QSIPrep
        "sub-001_desc-tumor_mask.nii.gz",
        "sub-001_label-tumor_mask.nii",
        "sub-001_ses-1_run-2_label-L_mask.nii.gz",  # BIDS
        "sub-001_space-T1w_label-lesion_mask.nii.gz",
        "sub-001_ses-1_desc-lesion_mask.nii.gz",
        "sub-001_space-MNI152NLin2009cAsym_desc-lesion_mask.nii.gz",
        "sub-001_space-FLAIR_seg-lst.nii.gz",  # LST-AI
        "sub-001_label-lesion2_mask.nii.gz",
    ],
)
@pytest.mark.parametrize("derivative", [False, True])
def test_masks_of_lesions(text, derivative):
    assert is_lesion(name(text), derivative=derivative)


@pytest.mark.parametrize(
    "text",
    [
        "sub-001_desc-brain_mask.nii.gz",
        "sub-001_label-GM_probseg.nii.gz",
        "sub-001_T1w.nii.gz",
        "sub-001_label-face_roi.nii.gz",
        "sub-001_space-flair_desc-annotated_seg-lst.nii.gz",
        "sub-001_desc-lesion_T1w.nii.gz",
        "sub-001_desc-nonlesion_mask.nii.gz",
    ],
)
@pytest.mark.parametrize("derivative", [False, True])
def test_others_are_none(text, derivative):
    assert not is_lesion(name(text), derivative=derivative)


def test_a_bare_mask_counts_in_derivatives_only():
    bare = name("sub-001_space-T1w_mask.nii.gz")
    assert is_lesion(bare, derivative=True)
    assert not is_lesion(bare, derivative=False)


@pytest.mark.parametrize("text", ["notes.txt", ".part-1-sub-01_T1w.nii.gz", "sub-01_T1w.json"])
def test_what_is_no_image(text):
    assert name(text) is None


@pytest.mark.parametrize(
    ("space", "native"),
    [("T1w", True), ("orig", True), ("flair", True), ("MNI152NLin6Asym", False), ("X", False)],
)
def test_spaces(space, native):
    assert is_native(name(f"sub-01_space-{space}_label-lesion_mask.nii.gz")) is native


@pytest.mark.parametrize(
    ("mask", "sessions", "fits"),
    [
        ("sub-01_ses-1_run-1_label-lesion_mask.nii.gz", 2, True),
        ("sub-01_ses-1_label-lesion_mask.nii.gz", 2, True),
        ("sub-01_ses-1_run-2_label-lesion_mask.nii.gz", 2, False),
        ("sub-01_ses-2_label-lesion_mask.nii.gz", 2, False),
        ("sub-01_label-lesion_mask.nii.gz", 1, True),
        ("sub-01_label-lesion_mask.nii.gz", 2, False),
        ("sub-01_ses-1_acq-flair_label-lesion_mask.nii.gz", 2, True),
    ],
)
def test_which_scan_a_mask_belongs_to(mask, sessions, fits):
    scan = name("sub-01_ses-1_run-1_T1w.nii.gz")
    assert belongs(name(mask), scan, sessions) is fits


def test_filters():
    scan = name("sub-01_acq-mprage_run-1_T1w.nii.gz")
    assert passes(scan, short_keys({"acquisition": "mprage", "run": [1, 2]}, "t1w"))
    assert passes(scan, {"ce": None, "suffix": "T1w", "datatype": "anat"})
    assert not passes(scan, {"acq": "tfl"})
    assert not passes(scan, {"run": None})


def test_an_unknown_entity_is_refused():
    with pytest.raises(
        ConfigError, match="filter 't1w' has an unknown entity 'aquisition'"
    ) as error:
        short_keys({"aquisition": "x"}, "t1w")
    assert "acquisition" in error.value.hint
