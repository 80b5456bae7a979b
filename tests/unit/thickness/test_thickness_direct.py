"""DiReCT on shells of known thickness."""

import dataclasses

import numpy as np
import pytest
from thickness_shells import shell

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.thickness.direct import DirectConfig, direct
from brainfill.thickness.kapowski import KapowskiConfig, in_one_piece
from brainfill.thickness.sheet import Sheet

USUAL = DirectConfig()


@pytest.fixture(scope="module")
def measured():
    """Thickness of shells of 1 to 4 mm."""
    return {mm: direct(shell(mm), USUAL, Context()) for mm in (1, 2, 3, 4)}


@pytest.mark.parametrize("mm", [1, 2, 3, 4])
def test_a_shell_has_its_thickness(measured, mm):
    cortex = shell(mm).cortex
    found = measured[mm]
    assert (found.shape, found.dtype) == (cortex.shape, np.float32)
    assert (found[cortex] > 0).all()
    assert not found[~cortex].any()
    assert found[cortex].mean() == pytest.approx(mm, abs=0.2)
    assert found[cortex].std() < 0.06 * mm


def test_a_millimetre_more_is_a_millimetre_more(measured):
    means = [found[found > 0].mean() for found in measured.values()]
    np.testing.assert_allclose(np.diff(means), 1, atol=0.25)


def test_the_order_of_the_axes_does_not_matter(measured):
    sheet = shell(3)
    turned = {
        name: np.ascontiguousarray(getattr(sheet, name).transpose(2, 0, 1)[::-1])
        for name in ("cortex", "inner", "grey", "white")
    }
    found = direct(Sheet(sheet.grid, **turned), USUAL, Context())
    back = found[::-1].transpose(1, 2, 0)
    np.testing.assert_allclose(back, measured[3], atol=1e-3)


def test_lengths_are_in_millimetres(measured):
    # The same voxels, each half as large.
    sheet = shell(4)
    small = dataclasses.replace(sheet, grid=Grid(sheet.grid.shape, np.diag([-0.5, 0.5, 0.5, 1])))
    np.testing.assert_allclose(direct(small, USUAL, Context()), measured[4] / 2, atol=1e-4)


def test_what_lies_around_does_not_matter(measured):
    sheet = shell(2)
    width = ((5, 0), (0, 7), (1, 2))
    wide = {
        name: np.pad(getattr(sheet, name), width) for name in ("cortex", "inner", "grey", "white")
    }
    grid = Grid(wide["cortex"].shape, sheet.grid.affine)
    found = direct(Sheet(grid, **wide), USUAL, Context())
    np.testing.assert_allclose(found[5:, :-7, 1:-2], measured[2], atol=1e-4)


def folded(wave_mm=24.0, height_mm=5.0, thick_mm=2.5):
    """Cortex of one thickness on white matter in waves."""
    x, y, z = np.indices((48, 12, 40), dtype=float)
    fine = np.linspace(-12, 60, 1441)
    crest = 14 + height_mm * np.sin(2 * np.pi * fine / wave_mm)
    flat = np.hypot(x[:, 0, :, None] - fine, z[:, 0, :, None] - crest).min(axis=-1)
    above = z[:, 0] > 14 + height_mm * np.sin(2 * np.pi * x[:, 0] / wave_mm)
    way = np.where(above, flat, -flat)[:, None, :] + 0 * y
    white = np.clip(0.5 - way, 0, 1)
    grey = np.clip(thick_mm + 0.5 - way, 0, 1) - white
    inner = white >= 0.5
    cortex = (grey >= 0.5) & ~inner
    shares = [np.where(cortex, grey, 0).astype(np.float32), white.astype(np.float32)]
    return Sheet(Grid(x.shape, np.eye(4)), cortex, inner, *shares)


@pytest.mark.parametrize("thick_mm", [2.5, 3.5])
def test_folds_read_as_ants_reads_them(thick_mm):
    sheet = folded(thick_mm=thick_mm)
    ours = direct(sheet, USUAL, Context())
    theirs = np.where(sheet.cortex, in_one_piece(sheet, KapowskiConfig(), Context()), 0)
    seen = sheet.cortex.copy()
    seen[:6] = seen[-6:] = seen[:, :3] = seen[:, -3:] = False  # beside the cut
    assert ours[seen].mean() == pytest.approx(thick_mm, abs=0.2)
    assert ours[seen].mean() == pytest.approx(theirs[seen].mean(), abs=0.25)
    assert np.abs(ours - theirs)[seen].mean() < 0.4


@pytest.mark.parametrize(("part", "word"), [("cortex", "cortex"), ("inner", "white matter")])
def test_a_brain_without_one_of_the_two_is_refused(part, word):
    sheet = shell(3)
    nothing = {part: np.zeros(sheet.grid.shape, bool)}
    with pytest.raises(DataError, match=f"the brain shows no {word}"):
        direct(dataclasses.replace(sheet, **nothing), USUAL, Context())


def test_cortex_that_lies_on_nothing_is_refused():
    with pytest.raises(DataError, match="no cortex lies on white matter"):
        direct(shell(2, gap_mm=6), USUAL, Context())


@pytest.mark.parametrize("bad", [{"iterations": 0}, {"step_vox": 0.0}, {"smoothing_vox": -1.0}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError):
        DirectConfig(**bad)
