"""The shell lines of the cohort README, run as they stand; other people's tools are stood in for by ones that copy."""

import os
import re
import subprocess
import sys
import zipfile

import nibabel as nib
import numpy as np
import pytest
from bids_cases import AFFINE, lesion, make_dataset, make_person, save
from cohort_cases import COHORT

README = (COHORT / "README.md").read_text(encoding="utf-8")
TOOLS = {
    "brainfill": f'exec {sys.executable} -m brainfill "$@" $METHOD',
    "lst": 'while [ "$1" != --output ]; do shift; done; mkdir -p "$2"; cp ../lesion.nii.gz "$2/space-flair_seg-lst.nii.gz"',
    "mri_coreg": '[ "$1 $3 $5" = "--mov --ref --reg" ] && touch "$6"',
    "mri_vol2vol": 'cp "$2" "$8"',
    "run_samseg": 'for last; do :; done; mkdir "$last"; cp ../seg.mgz "$last/seg.mgz"',
    "recon-all": 'test -s "$4" && echo "$2" >> surfaces',
    "run_fastsurfer.sh": 'test -s "$2" && echo "$4" >> surfaces',
}


def block(name):
    """The shell lines that follow a mark in the README."""
    found = re.findall(rf"<!-- tested: {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert len(found) == 1
    return found[0]


@pytest.fixture
def folder(tmp_path):
    """Where lines are run, with the tools they name."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, body in TOOLS.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    save(tmp_path / "lesion.nii.gz", lesion())
    labels = np.where(lesion() > 0, 99, 2).astype(np.int32)
    nib.save(nib.MGHImage(labels, AFFINE), tmp_path / "seg.mgz")
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def sh(name, folder):
    """A finished block, in a shell that stops at the first error."""
    path = f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block(name)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ
        | {"PATH": path, "METHOD": "--method localmean --no-report", "FS_LICENSE": "license"},
    )


def people(folder, *labels):
    for label in labels:
        anat = make_person(folder.parent / "raw", label)
        own = folder / f"sub-{label}"
        own.mkdir()
        (anat / f"sub-{label}_T1w.nii.gz").rename(own / "T1.nii.gz")
        (anat / f"sub-{label}_label-lesion_roi.nii.gz").rename(own / "lesions.nii.gz")


def changed(image, other):
    """Which voxels differ between two files."""
    return np.asanyarray(nib.load(image).dataobj) != np.asanyarray(nib.load(other).dataobj)


@pytest.mark.parametrize("name", ["loop", "xargs"])
def test_many_people_and_one_without_a_mask(name, folder):
    people(folder, "01", "02")
    done = sh(name, folder)
    assert done.returncode == 0, done.stderr
    before = (folder / "sub-01/T1_filled.nii.gz").read_bytes()
    (folder / "sub-02/T1_filled.nii.gz").unlink()
    (folder / "sub-02/lesions.nii.gz").unlink()
    again = sh(name, folder)
    assert again.returncode == (0 if name == "loop" else 123)
    assert "sub-02" in again.stderr
    assert (folder / "sub-01/T1_filled.nii.gz").read_bytes() == before
    assert not (folder / "sub-02/T1_filled.nii.gz").exists()


@pytest.mark.parametrize("name", ["lst-ai", "samseg"])
def test_segmentation_to_surfaces(name, folder):
    people(folder, "01")
    (folder / "sub-01/T1.nii.gz").rename(folder / "T1.nii.gz")
    (folder / "FLAIR.nii.gz").write_bytes((folder / "T1.nii.gz").read_bytes())
    done = sh(name, folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "surfaces").read_text() == "sub-01\n"
    assert changed(folder / "T1_filled.nii.gz", folder / "T1.nii.gz")[lesion() > 0].all()


def test_a_dataset_with_masks_of_lst_ai(folder):
    make_dataset(folder / "raw", ["01"])
    (folder / "raw/sub-01/anat/sub-01_label-lesion_roi.nii.gz").unlink()
    done = sh("dataset", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "surfaces").read_text() == "sub-01\n"


def test_brats(folder):
    people(folder, "01", "02")
    for label in ("01", "02"):
        case = f"BraTS-GLI-000{label}-000"
        image = nib.load(folder / f"sub-{label}/T1.nii.gz")
        voided = np.where(lesion() > 0, 0, np.asanyarray(image.dataobj))
        save(folder / f"cases/{case}/{case}-t1n-voided.nii.gz", voided)
        save(folder / f"cases/{case}/{case}-mask.nii.gz", lesion())
    done = sh("brats", folder)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(folder / "submission.zip") as packed:
        names = packed.namelist()
    assert sorted(names) == [f"BraTS-GLI-000{s}-000-t1n-inference.nii.gz" for s in ("01", "02")]
    where = changed(
        folder / "inference" / names[0],
        folder / f"cases/{names[0][:19]}/{names[0][:19]}-t1n-voided.nii.gz",
    )
    assert np.array_equal(where, lesion() > 0)
