"""Programs of other packages, played by scripts: what they are given, and how they may fail."""

import stat
import sys

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import BrainfillError, UnavailableError
from brainfill.core.grid import Grid
from brainfill.core.registry import load
from brainfill.core.volume import Mask, Volume

PROGRAMS = {"niftyseg": "seg_FillLesions", "fsl": "lesion_filling"}
READ = """
import os, sys
import nibabel as nib, numpy as np
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
image, hole = nib.load(options["-i"]), nib.load(options["-l"])
values, where = image.get_fdata(), hole.get_fdata()
"""
PAINT = """
assert os.environ["FSLOUTPUTTYPE"] == "NIFTI_GZ"
assert set(np.unique(where)) == {0, 1} and not values[where == 1].any()
assert np.allclose(image.affine, np.diag([-1, 1, 2, 1])) and np.allclose(hole.affine, image.affine)
values[where == 1] = 123
nib.save(nib.Nifti1Image(values, image.affine), options["-o"])
"""

GRID = Grid((6, 5, 4), np.diag([-1.0, 1, 2, 1]))
IMAGE = Volume(np.random.default_rng(0).uniform(10, 20, GRID.shape).astype(np.float32), GRID)
HOLE = Mask(np.indices(GRID.shape).sum(axis=0) == 5, GRID)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a program on the PATH that is a Python script."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(name, script):
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


def fill(method, **options):
    module = load("brainfill.fillers", method)
    return module.build(module.Config(**options))(IMAGE, HOLE, Context()).values


@pytest.mark.parametrize("method", PROGRAMS)
def test_the_program_fills(install, method):
    install(PROGRAMS[method], READ + PAINT)
    assert (fill(method)[HOLE.data] == 123).all()


def test_a_program_elsewhere_is_named_by_its_path(install, monkeypatch):
    path = install("other name", READ + PAINT)
    monkeypatch.setenv("PATH", "")
    assert (fill("niftyseg", program=str(path))[HOLE.data] == 123).all()


@pytest.mark.parametrize("method", PROGRAMS)
def test_a_missing_program_is_named(install, method):
    with pytest.raises(UnavailableError, match=f"'{PROGRAMS[method]}' of .* is not on the PATH"):
        fill(method)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("import sys; sys.exit('no T1 image')", "exit code 1 and said: no T1 image"),
        ("print('usage: ...')", "exit code 0 and said: usage: ..."),
        ("", "exit code 0 and said: nothing"),
        (
            READ + "nib.save(nib.Nifti1Image(values[1:], image.affine), options['-o'])",
            r"shape \(5, 5, 4\) that cannot be used",
        ),
        (
            READ + "nib.save(nib.Nifti1Image(values * np.nan, image.affine), options['-o'])",
            "cannot be used",
        ),
    ],
    ids=["exit code", "usage and 0", "silence and 0", "another shape", "not finite"],
)
def test_failures_are_told_whatever_the_exit_code(install, script, sentence):
    install("seg_FillLesions", script)
    with pytest.raises(BrainfillError, match=sentence):
        fill("niftyseg")
