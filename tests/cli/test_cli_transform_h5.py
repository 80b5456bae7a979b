"""Composite transforms (.h5) as ANTs writes them: carried as ANTs does it, and not inverted."""

import json
from pathlib import Path

import ants
import nibabel as nib
import numpy as np
import pytest
from cli_files import save

MOVE = np.array([[1.03, 0.1, 0, 7], [-0.1, 1.02, 0.03, -5], [0, -0.03, 0.98, 6], [0, 0, 0, 1]])


@pytest.fixture
def pair(tmp_path, brain, brain_grids):
    """A template and a moved brain on an oblique grid."""
    fixed, moving = brain(brain_grids["RAS"]), brain(brain_grids["oblique"], MOVE)
    return tuple(
        save(tmp_path / f"{name}.nii.gz", volume.data, volume.grid.affine)
        for name, volume in (("fixed", fixed), ("moving", moving))
    )


@pytest.fixture
def composites(pair, tmp_path):
    """There (matrix and deformation in one file) and back, by one registration of ANTs."""
    found = ants.registration(
        *(ants.image_read(str(path)) for path in pair),
        "SyN",
        outprefix=f"{tmp_path}/ants",
        write_composite_transform=True,
        reg_iterations=(10, 5, 0),
    )
    return found["fwdtransforms"], found["invtransforms"]


def test_composites_carry_as_ants_does(call, pair, composites, tmp_path):
    there, back = composites
    assert there.endswith(".h5")
    fixed, moving = pair
    for image, like, xfm in ((moving, fixed, there), (fixed, moving, back)):
        out = tmp_path / "moved.nii.gz"
        more = ("--interp", "linear", "--force")
        outcome = call("transform", image, "--like", like, "-t", xfm, "-o", out, *more)
        assert outcome.code == 0, outcome.err
        theirs = ants.apply_transforms(*(ants.image_read(str(p)) for p in (like, image)), [xfm])
        moved = np.asarray(nib.load(out).dataobj)
        np.testing.assert_allclose(moved, theirs.numpy(), atol=0.01)
        wanted = np.asarray(nib.load(like).dataobj)
        assert np.abs(moved - wanted).mean() < 25
        assert json.loads(out.with_name("moved.json").read_text())["Interpolation"] == "linear"


def test_matrices_in_one_file_and_among_others(call, pair, tmp_path):
    fixed, moving = pair
    images = [ants.image_read(str(path)) for path in pair]
    found = ants.registration(*images, "Affine", outprefix=f"{tmp_path}/a")
    matrix = ants.read_transform(found["fwdtransforms"][0])
    once, twice = str(tmp_path / "once.h5"), str(tmp_path / "twice.h5")
    ants.write_transform(matrix, once)
    ants.write_transform(ants.compose_ants_transforms([matrix, matrix]), twice)
    moved = []
    for name, files in (("a", ["-t", twice]), ("b", ["-t", once, "-t", once])):
        out = tmp_path / f"{name}.nii.gz"
        args = ("transform", moving, "--like", fixed, *files, "-o", out, "--interp", "linear")
        assert call(*args).code == 0
        moved.append(np.asarray(nib.load(out).dataobj))
    np.testing.assert_allclose(*moved, atol=0.1)
    theirs = ants.apply_transforms(*images, [once, once]).numpy()
    np.testing.assert_allclose(moved[1], theirs, atol=0.01)


def test_what_cannot_be_had_is_a_sentence(call, pair, composites, tmp_path):
    fixed, moving = pair
    damaged = tmp_path / "damaged.h5"
    for contents in (b"", b"no HDF5", Path(composites[0]).read_bytes()[:5000]):
        damaged.write_bytes(contents)
        outcome = call(
            "transform", moving, "--like", fixed, "-t", damaged, "-o", tmp_path / "o.nii.gz"
        )
        assert outcome.code == 65
        assert "ANTs can" in outcome.err
    outcome = call(
        *("transform", fixed, "--like", moving, "-t", composites[0], "--inverse"),
        *("-o", tmp_path / "o.nii.gz"),
    )
    assert outcome.code == 2
    sentence, hint = outcome.err.splitlines()[-2:]
    assert sentence == "error: a composite (.h5) is no single matrix and cannot be inverted"
    assert "other direction" in hint
    assert not (tmp_path / "o.nii.gz").exists()
