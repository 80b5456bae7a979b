"""Who is asked for the brain, what is believed, and that lesions at its edge stay."""

import dataclasses
import types
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.core.errors import DataError, UnavailableError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.io.nifti import read_volume
from brainfill.preprocess.brain import check_brain, stripped_brain, structure
from brainfill.preprocess.steps import skullstrip

DATA = Path(__file__).parents[3].parent / "shared" / "data"


def head_of(brain):
    """The brain in a shell of scalp, in noisy air."""
    inside = brain.data > 0
    scalp = ndimage.binary_dilation(inside, iterations=4) & ~ndimage.binary_dilation(
        inside, iterations=2
    )
    noise = np.abs(np.random.default_rng(0).normal(0, 12, inside.shape))
    return Volume(np.where(scalp, 800, brain.data) + noise, brain.grid)


@pytest.fixture(scope="module", params=["LAS", "oblique"])
def head(request, brain, brain_grids):
    return head_of(brain(brain_grids[request.param]))


@pytest.fixture
def fake(monkeypatch, brain):
    """Takes the place of both networks and remembers which was asked; HD-BET lacks `lacks`."""
    asked = []

    def install(lacks="", found=None):
        @dataclasses.dataclass(frozen=True)
        class Config:
            weights: str = ""

        def load(package, name):
            def build(config):
                def strip(image, ctx):
                    asked.append((name, config.weights))
                    return Mask(brain(image.grid).data > 0 if found is None else found, image.grid)

                return strip

            return types.SimpleNamespace(Config=Config, build=build, missing=lambda config: lacks)

        monkeypatch.setattr(skullstrip.registry, "load", load)
        return asked

    return install


def run(image, ctx, lesion=None, **settings):
    return skullstrip.build(skullstrip.Config(**settings))(
        Scan("sub-01", {"T1w": image}, lesion), ctx
    )


def test_a_stripped_brain_is_left_alone(brain, brain_grid, ctx, fake):
    asked = fake()
    image = brain(brain_grid)
    changed, undo = run(image, ctx)
    assert undo.facts["SkullStripBackend"] == "none"
    assert asked == []
    np.testing.assert_array_equal(changed.images["T1w"].data, image.data)
    np.testing.assert_array_equal(changed.brain.data, image.data > 0)


@pytest.mark.parametrize(("lacks", "expected"), [("", "hd_bet"), ("no weights", "builtin")])
def test_a_head_goes_to_hd_bet_if_it_can_run_else_to_builtin(head, ctx, fake, lacks, expected):
    asked = fake(lacks)
    changed, undo = run(head, ctx)
    assert asked == [(expected, "")]
    assert undo.facts["SkullStripBackend"].replace("-", "_") == expected
    assert (lacks or "weights are installed") in undo.facts["SkullStripReason"]
    assert not changed.images["T1w"].data[~changed.brain.data].any()
    back = undo.volume(changed.images["T1w"])
    np.testing.assert_array_equal(back.data, head.data)


def test_a_backend_is_asked_by_its_name(head, ctx, fake):
    asked = fake()
    run(head, ctx, backend="synthstrip", settings={"weights": "here"})
    assert asked == [("synthstrip", "here")]


def test_weights_that_are_asked_for_are_not_passed_over(head, ctx, tmp_path):
    with pytest.raises(UnavailableError, match=f"found no 'plans.json' in '{tmp_path}'"):
        run(head, ctx, settings={"weights": str(tmp_path)})


def test_the_users_own_mask_is_taken_from_any_grid(head, brain, brain_grids):
    said = []
    for name in ("RAS", "oblique"):
        mask = Volume(brain(brain_grids[name]).data > 0, brain_grids[name])
        ctx = Context(read=lambda path, mask=mask: mask, warn=said.append)
        changed, undo = run(head, ctx, backend="masks/brain.nii.gz")
        expected = brain(head.grid).data > 0
        overlap = (
            2 * (changed.brain.data & expected).sum() / (changed.brain.data.sum() + expected.sum())
        )
        assert overlap > 0.95
        assert undo.facts["SkullStripReason"] == "given as brain.nii.gz"
    assert said


def test_lesions_at_the_edge_are_kept(head, brain, ctx, fake):
    inside = brain(head.grid).data > 0
    bitten = inside & ~(np.indices(inside.shape)[0] < np.argwhere(inside)[:, 0].min() + 6)
    fake("no weights", bitten)
    lesion = Mask(inside & ~bitten, head.grid)
    changed, undo = run(head, ctx, lesion)
    np.testing.assert_array_equal(changed.brain.data, inside)
    np.testing.assert_array_equal(changed.images["T1w"].data[lesion.data], head.data[lesion.data])
    assert undo.facts["LesionVoxelsAddedToBrain"] == lesion.data.sum()


def test_no_brain_is_a_sentence(head, ctx, fake):
    fake("no weights", np.zeros(head.grid.shape, bool))
    with pytest.raises(DataError, match="no brain was found in 'sub-01': its brain mask is empty"):
        run(head, ctx)
    fake("no weights", np.ones(head.grid.shape, bool))
    with pytest.raises(DataError, match=r"it has \d+ ml, expected 200 to 2500 ml"):
        run(head, ctx)


def test_none_is_not_believed_of_a_head(head, ctx):
    with pytest.raises(DataError, match="shows more than a brain"):
        run(head, ctx, backend="none")


def no_brains():
    grid = Grid((80, 80, 80), np.diag([2.0, 2, 2, 1]))
    x, y, z = np.indices(grid.shape) - 39.5
    ball = x**2 + y**2 + z**2 < 33**2
    noise = np.abs(np.random.default_rng(0).normal(300, 150, grid.shape))
    return {
        "ball": Volume(np.where(ball, 500, 0), grid),
        "shaded ball": Volume(np.where(ball, 500 + 4 * x, 0), grid),
        "ball of noise": Volume(np.where(ball, noise, 0), grid),
    }


@pytest.mark.parametrize("name", list(no_brains()))
def test_phantoms_are_no_brains(name, ctx):
    with pytest.raises(DataError, match=r"is no brain: its tissues differ by 0\.0"):
        run(no_brains()[name], ctx)


def test_noise_is_not_taken_for_a_stripped_brain(brain, brain_grids):
    brain_grid = brain_grids["LPS"]
    noise = np.abs(np.random.default_rng(0).normal(300, 150, brain_grid.shape))
    assert stripped_brain(Volume(noise, brain_grid)) is None
    assert stripped_brain(brain(brain_grid)) is not None
    assert stripped_brain(head_of(brain(brain_grid))) is None
    assert structure(brain(brain_grid), brain(brain_grid).data > 0) > 0.07


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="the real scans are not here")
@pytest.mark.parametrize(
    ("name", "stripped"),
    [
        ("oasis/sub-1002/ses-01/anat/sub-1002_ses-01_T1w.nii.gz", True),
        ("ixi2mm/sub-IXI012/anat/sub-IXI012_T1w.nii.gz", False),
    ],
)
def test_real_scans_are_told_apart(name, stripped):
    image = read_volume(DATA / name)
    found = stripped_brain(image)
    assert (found is not None) == stripped
    if found is not None:
        check_brain(image, found, name, 1000, 2000)
