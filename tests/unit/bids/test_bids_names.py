"""What file names say: forms of lesion masks, which belong to which scan, filters."""

from pathlib import Path

import pytest

from brainfill.bids.names import is_lesion, is_native, parse, passes, scans_of, short_keys
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


def owners(mask, *scans, share=False):
    found = scans_of(
        name(f"sub-01_{mask}.nii.gz"), [name(f"sub-01_{s}.nii") for s in scans], share=share
    )
    return [scan.text.removeprefix("sub-01_").removesuffix("_T1w") for scan in found]


@pytest.mark.parametrize(
    ("mask", "scans", "right"),
    [
        # One scan takes what contradicts nothing that its name says.
        ("label-lesion_mask", ["run-1_T1w"], ["run-1"]),
        ("acq-flair_label-lesion_mask", ["run-1_T1w"], ["run-1"]),
        ("run-2_label-lesion_mask", ["run-1_T1w"], []),
        ("run-01_label-lesion_mask", ["run-1_T1w", "run-2_T1w"], ["run-1"]),
        # Any entity that one scan has ties the mask to it.
        ("acq-a_label-lesion_mask", ["acq-a_T1w", "ce-gd_T1w"], ["acq-a"]),
        ("acq-a_label-lesion_mask", ["acq-a_T1w", "T1w"], ["acq-a"]),
        ("ce-gd_label-lesion_mask", ["acq-a_T1w", "ce-gd_T1w"], ["ce-gd"]),
        ("rec-n_label-lesion_mask", ["rec-n_T1w", "T1w"], ["rec-n"]),
        ("dir-AP_label-lesion_mask", ["dir-AP_T1w", "dir-PA_T1w"], ["dir-AP"]),
        ("echo-2_label-lesion_mask", ["echo-1_T1w", "echo-2_T1w", "T1w"], ["echo-2"]),
        ("part-mag_label-lesion_mask", ["part-mag_T1w", "T1w"], ["part-mag"]),
        # What several scans have ties it to those.
        ("acq-a_label-L_mask", ["acq-a_run-1_T1w", "acq-a_run-2_T1w", "acq-b_T1w"], ["acq-a_run-1", "acq-a_run-2"]),
        ("run-1_label-L_mask", ["acq-a_run-1_T1w", "acq-a_run-2_T1w", "run-1_T1w"], ["acq-a_run-1", "run-1"]),
        ("acq-a_run-1_label-L_mask", ["acq-a_run-1_T1w", "acq-a_run-2_T1w", "acq-b_run-1_T1w"], ["acq-a_run-1"]),
        ("acq-a_run-1_label-L_mask", ["acq-a_T1w", "run-1_T1w"], []),
        # One that names none in particular is shared; entities of the mask itself say of no scan.
        ("label-lesion_mask", ["acq-a_T1w", "T1w"], ["acq-a", ""]),
        ("acq-flair_label-lesion_mask", ["T1w", "run-2_T1w"], ["", "run-2"]),
        ("space-T1w_desc-lesion_mask", ["run-1_T1w", "run-2_T1w"], ["run-1", "run-2"]),
        # Named after a scan in full, it is of no other.
        ("T1w_label-lesion_roi", ["T1w", "acq-a_T1w"], [""]),
        ("acq-a_T1w_label-lesion_roi", ["acq-a_T1w", "acq-a_run-2_T1w"], ["acq-a"]),
        # Sessions.
        ("ses-1_label-lesion_mask", ["ses-1_T1w", "ses-2_T1w"], ["ses-1"]),
        ("ses-1_run-1_label-lesion_mask", ["ses-1_run-1_T1w", "ses-2_run-1_T1w"], ["ses-1_run-1"]),
        ("ses-1_acq-b_label-lesion_mask", ["ses-1_acq-a_T1w", "ses-2_acq-b_T1w"], []),
        ("ses-3_label-lesion_mask", ["ses-1_T1w"], []),
        ("label-lesion_mask", ["ses-1_T1w"], ["ses-1"]),
        ("label-lesion_mask", ["ses-1_T1w", "ses-2_T1w"], []),
    ],
)  # fmt: skip
def test_which_scans_a_mask_is_of(mask, scans, right):
    assert [owner.removesuffix("T1w") for owner in owners(mask, *scans)] == right


def test_a_mask_without_session_is_shared_on_demand():
    scans = ["ses-1_T1w", "ses-2_acq-a_T1w"]
    assert owners("label-lesion_mask", *scans, share=True) == ["ses-1", "ses-2_acq-a"]
    assert owners("acq-a_label-lesion_mask", *scans, share=True) == ["ses-2_acq-a"]
    assert owners("ses-1_label-lesion_mask", *scans, share=True) == ["ses-1"]


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
