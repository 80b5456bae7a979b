"""A tiny BIDS dataset on disk."""

import json

import nibabel as nib
import numpy as np

AFFINE = np.array([[-1.0, 0, 0, 10], [0, 1.2, 0, -12], [0, 0, 1.5, -9], [0, 0, 0, 1]])


def save(path, data):
    """Write an image of int16 or uint8; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


def lesion(*, empty=False):
    """Eight voxels in the middle of the head, or none."""
    where = np.zeros((20, 18, 16), np.uint8)
    where[8:10, 8:10, 7:9] = 0 if empty else 1
    return where


def make_person(raw, label, *, empty=False, session=""):
    """A T1w of a person, a ball of tissue, and its lesion mask; the folder of both."""
    distance = np.linalg.norm(np.indices((20, 18, 16)).T - np.array([9.5, 8.5, 7.5]), axis=-1).T
    noise = np.random.default_rng(int(label)).normal(600, 20, distance.shape)
    head = np.where(distance < 7, noise, 0).astype(np.int16)
    head[lesion() > 0] = 200
    folder = raw / f"sub-{label}" / (f"ses-{session}/anat" if session else "anat")
    key = f"sub-{label}" + (f"_ses-{session}" if session else "")
    save(folder / f"{key}_T1w.nii.gz", head)
    save(folder / f"{key}_label-lesion_roi.nii.gz", lesion(empty=empty))
    return folder


def make_dataset(raw, labels=("01", "02")):
    """A dataset with these people; its folder."""
    raw.mkdir(parents=True)
    about = {"Name": "balls", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    (raw / "dataset_description.json").write_text(json.dumps(about))
    for label in labels:
        make_person(raw, label)
    return raw


def left_over(out):
    """Unfinished files in an output dataset."""
    work = [p for p in (out / ".brainfill" / "work").rglob("*") if p.is_file()]
    return [*work, *out.rglob(".part-*")]
