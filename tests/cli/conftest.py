"""A tiny head with a lesion on disk."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from cli_files import save
from study_cases import save_cases

SMALL_STUDY = ("--crop-mm", "20", "--pixel-mm", "2", "-q")


class Files(NamedTuple):
    """A scan and its mask on disk."""

    t1: Path
    mask: Path
    folder: Path


@pytest.fixture
def head():
    """A ball of int16 tissue around 600 on a background of 0."""
    distance = np.linalg.norm(np.indices((20, 18, 16)).T - np.array([9.5, 8.5, 7.5]), axis=-1).T
    noise = np.random.default_rng(0).normal(600, 20, distance.shape)
    return np.where(distance < 7, noise, 0).astype(np.int16)


@pytest.fixture
def lesion():
    """Two lesions of 8 and 2 voxels inside the ball."""
    where = np.zeros((20, 18, 16), np.uint8)
    where[8:10, 8:10, 7:9] = 1
    where[13, 9, 6:8] = 1
    return where


@pytest.fixture
def files(tmp_path, head, lesion):
    dark = head.copy()
    dark[lesion > 0] = 200
    t1, mask = tmp_path / "sub-01_T1w.nii.gz", tmp_path / "sub-01_mask.nii.gz"
    return Files(save(t1, dark), save(mask, lesion), tmp_path)


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory):
    """Three cases of a study on disk."""
    made = tmp_path_factory.mktemp("cases")
    save_cases(made, ["case-ann", "case-bob", "case-cem"])
    return made


@pytest.fixture
def table(case_folder, tmp_path):
    """The table of the cases, in a folder where the test may write."""
    for path in case_folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    text = (case_folder / "cases.tsv").read_text()
    (tmp_path / "cases.tsv").unlink()
    (tmp_path / "cases.tsv").write_text(text)
    return tmp_path / "cases.tsv"


@pytest.fixture
def make_study(call, table):
    """Makes a study with more options; the outcome."""
    return lambda *more, out="study": call(
        "study", "make", table, "-o", table.parent / out, *SMALL_STUDY, *more
    )
