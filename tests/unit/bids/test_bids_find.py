"""Which scans and masks are found in a dataset."""

import json

import pytest

from brainfill.bids.dataset import open_dataset
from brainfill.bids.find import find_cases
from brainfill.core.errors import ConfigError, InputMissingError


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    return folder


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def cases(raw, *, derivatives=(), filters=None, people=(), sessions=()):
    file = raw.parent / "filters.json"
    file.write_text(json.dumps(filters or {}))
    data = open_dataset(raw, raw.parent / "out", derivatives, str(file), check=True)
    return find_cases(data, people, sessions)


def test_scans_by_person_and_session(raw):
    touch(raw, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_T2w.nii.gz")
    touch(raw, "sub-02/ses-a/anat/sub-02_ses-a_T1w.nii", "sub-02/ses-b/anat/sub-02_ses-b_T1w.nii")
    touch(raw, "sourcedata/sub-03/anat/sub-03_T1w.nii.gz")
    assert [c.key for c in cases(raw)] == ["sub-01", "sub-02_ses-a", "sub-02_ses-b"]
    assert [c.key for c in cases(raw, people=["sub-02"], sessions=["ses-b"])] == ["sub-02_ses-b"]
    assert cases(raw, people=["02"])[0].folder.as_posix() == "sub-02/ses-a/anat"


def test_masks_of_all_places_are_joined(raw):
    touch(raw, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_label-lesion_roi.nii.gz")
    touch(raw, "derivatives/manual_masks/sub-01/anat/sub-01_desc-tumor_mask.nii.gz")
    touch(raw, "derivatives/flat/sub-01_space-T1w_mask.nii.gz", "derivatives/flat/sub-011_mask.nii")
    touch(raw, "derivatives/lst/sub-01/space-flair_seg-lst.nii.gz")
    touch(raw, "derivatives/lst/sub-01/space-mni_seg-lst.nii.gz")
    touch(raw, "derivatives/fmriprep/sub-01/anat/sub-01_desc-brain_mask.nii.gz")
    (case,) = cases(raw)
    found = [p.name for p in case.masks]
    assert found == [
        "sub-01_label-lesion_roi.nii.gz",
        "space-flair_seg-lst.nii.gz",
        "sub-01_desc-tumor_mask.nii.gz",
    ]
    # A mask that says nothing more may be a brain's, unless its dataset was given.
    (case,) = cases(raw, derivatives=[str(raw / "derivatives" / "flat")])
    assert [p.name for p in case.masks] == [found[0], "sub-01_space-T1w_mask.nii.gz"]


def test_only_the_named_derivatives(raw, tmp_path):
    touch(raw, "sub-01/anat/sub-01_T1w.nii.gz")
    touch(raw, "derivatives/a/sub-01/anat/sub-01_label-lesion_mask.nii.gz")
    touch(tmp_path, "b/sub-01/anat/sub-01_label-lesion_mask.nii.gz")
    (case,) = cases(raw, derivatives=[f"mine={tmp_path / 'b'}"])
    assert case.masks == (tmp_path / "b/sub-01/anat/sub-01_label-lesion_mask.nii.gz",)


def test_our_own_results_are_no_masks(raw):
    touch(raw, "sub-01/anat/sub-01_T1w.nii.gz")
    touch(raw, "derivatives/earlier/sub-01/anat/sub-01_label-lesion_mask.nii.gz")
    own = raw / "derivatives/earlier/dataset_description.json"
    own.write_text('{"GeneratedBy": [{"Name": "brainfill"}]}')
    (case,) = cases(raw)
    assert case.masks == ()


def test_masks_of_a_session(raw):
    for s in ("1", "2"):
        touch(raw, f"sub-01/ses-{s}/anat/sub-01_ses-{s}_T1w.nii.gz")
    touch(raw, "sub-01/ses-2/anat/sub-01_ses-2_label-lesion_mask.nii.gz")
    touch(raw, "derivatives/lst/sub-01/ses-1/space-t1w_seg-lst.nii.gz")
    assert [[p.name for p in c.masks] for c in cases(raw)] == [
        ["space-t1w_seg-lst.nii.gz"],
        ["sub-01_ses-2_label-lesion_mask.nii.gz"],
    ]


def test_a_mask_of_a_template_needs_its_transform(raw):
    touch(raw, "sub-01/anat/sub-01_T1w.nii.gz")
    mask = "derivatives/x/sub-01/anat/sub-01_space-MNI_label-lesion_mask.nii.gz"
    touch(raw, mask)
    (case,) = cases(raw)
    assert "lie in the space of a template (sub-01_space-MNI_label-lesion_mask.nii.gz)" in case.lack
    xfm = "derivatives/x/sub-01/anat/sub-01_from-MNI_to-T1w_mode-image_xfm.h5"
    touch(raw, xfm)
    (case,) = cases(raw)
    assert case.template_masks == ((raw / mask, raw / xfm),)
    assert case.lack == ""


def test_what_was_looked_for(raw):
    touch(raw, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/anat/sub-01_run-1_T1w.nii.gz")
    touch(raw, "sub-01/anat/sub-01_run-2_T1w.nii.gz")
    touch(raw, "sub-01/anat/sub-01_run-1_label-lesion_mask.nii.gz")
    lack = {c.key: c.lack for c in cases(raw)}
    assert lack["sub-01_run-1"] == ""
    sentence = lack["sub-01_run-2"]
    for part in ("no lesion mask of 'sub-01_run-2_T1w.nii.gz'", str(raw), "*_label-LESION_roi"):
        assert part in sentence
    assert sentence.endswith("of other scans there are sub-01_run-1_label-lesion_mask.nii.gz")


def test_filters_of_scans_and_masks(raw):
    touch(raw, "sub-01/anat/sub-01_acq-a_T1w.nii.gz", "sub-01/anat/sub-01_acq-b_T1w.nii.gz")
    touch(raw, "sub-01/anat/sub-01_desc-odd_dseg.nii.gz", "sub-01/anat/sub-01_label-L_mask.nii.gz")
    filters = {"t1w": {"acquisition": "b"}, "lesion": {"suffix": "dseg", "desc": "odd"}}
    (case,) = cases(raw, filters=filters)
    assert case.key == "sub-01_acq-b"
    assert [p.name for p in case.masks] == ["sub-01_desc-odd_dseg.nii.gz"]


def test_what_is_not_there(raw):
    touch(raw, "sub-01/anat/sub-01_T2w.nii.gz")
    with pytest.raises(InputMissingError, match="no T1w image of 1 people"):
        cases(raw)
    with pytest.raises(InputMissingError, match=r"no folder sub-02 .*; found 1 people: 01"):
        cases(raw, people=["02"])
    with pytest.raises(InputMissingError, match="derivatives 'nowhere' does not exist"):
        cases(raw, derivatives=["nowhere"])
    with pytest.raises(ConfigError, match="filters 'bold'; expected t1w and lesion"):
        cases(raw, filters={"bold": {}})


def test_folders_that_cannot_be_meant(raw, tmp_path):
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputMissingError, match="is no BIDS dataset"):
        open_dataset(tmp_path / "plain", tmp_path / "out", [], "", check=True)
    open_dataset(tmp_path / "plain", tmp_path / "out", [], "", check=False)
    with pytest.raises(ConfigError, match="OUT_DIR is BIDS_DIR"):
        open_dataset(raw, raw, [], "", check=True)
