"""DiReCT by ANTs on shells of known thickness, and its processes."""

import dataclasses
import signal
import sys

import numpy as np
import pytest
from thickness_shells import half, shell

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError, ExternalError
from brainfill.thickness import kapowski as module
from brainfill.thickness.kapowski import KapowskiConfig, in_one_piece, kapowski
from brainfill.thickness.sheet import packed, unpacked

USUAL = KapowskiConfig()


@pytest.fixture(scope="module")
def measured():
    """Thickness of shells of 2, 3 and 4 mm."""
    return {mm: whole(shell(mm), USUAL) for mm in (2, 3, 4)}


def whole(sheet, config):
    """Thickness in one piece, in this process."""
    return np.where(sheet.cortex, in_one_piece(sheet, config, Context()), 0)


@pytest.mark.parametrize("mm", [2, 3, 4])
def test_a_shell_has_its_thickness(measured, mm):
    cortex = shell(mm).cortex
    found = measured[mm]
    assert (found.shape, found.dtype) == (cortex.shape, np.float32)
    assert (found[cortex] > 0).mean() > 0.99
    assert not found[~cortex].any()
    assert found[cortex].mean() == pytest.approx(mm, abs=0.25)
    assert found[cortex].std() < 0.05 * mm


def test_small_steps_read_too_little():
    # What the settings of ANTsPyNet give, however long: the reason for larger steps.
    short, long = (whole(shell(3), KapowskiConfig(step=0.025, iterations=n)) for n in (45, 90))
    assert short[short > 0].mean() == pytest.approx(2.15, abs=0.1)
    np.testing.assert_array_equal(short, long)


def test_a_millimetre_more_is_a_millimetre_more(measured):
    means = [found[found > 0].mean() for found in measured.values()]
    np.testing.assert_allclose(np.diff(means), 1, atol=0.3)


def test_the_order_of_the_axes_does_not_matter(measured):
    turned = whole(shell(3, signs=(-1, -1, 1)), USUAL)
    assert turned[turned > 0].mean() == pytest.approx(measured[3][measured[3] > 0].mean(), rel=0.01)


@pytest.mark.parametrize(("part", "word"), [("cortex", "cortex"), ("inner", "white matter")])
def test_a_brain_without_one_of_the_two_is_refused(part, word):
    sheet = shell(3)
    nothing = {part: np.zeros(sheet.grid.shape, bool)}
    with pytest.raises(DataError, match=f"the brain shows no {word}"):
        kapowski(dataclasses.replace(sheet, **nothing), half(sheet), USUAL, Context())


def test_cortex_that_lies_on_nothing_is_refused():
    sheet = shell(2, gap_mm=3)
    with pytest.raises(DataError, match="no cortex lies on white matter"):
        kapowski(sheet, half(sheet), USUAL, Context())


def test_cortex_and_white_matter_of_different_halves_are_refused():
    sheet = shell(4)
    left = np.zeros(sheet.grid.shape, bool)
    left[:4] = True
    far = ~half(sheet)
    apart = dataclasses.replace(sheet, cortex=sheet.cortex & left, inner=sheet.inner & far)
    with pytest.raises(DataError, match="no cortex lies on white matter"):
        kapowski(apart, left, USUAL, Context())


@pytest.mark.parametrize("threads", [1, 2])
def test_halves_apart_read_what_the_whole_reads(measured, threads):
    sheet = shell(3)
    found = kapowski(sheet, half(sheet), USUAL, Context(threads=threads))
    assert found.dtype == np.float32
    assert not found[~sheet.cortex].any()
    off = np.abs(found - measured[3])[sheet.cortex]
    assert off.mean() < 0.01
    assert off.max() < 0.1


def test_one_half_without_cortex_stays_empty():
    sheet = shell(3)
    left = half(sheet)
    found = kapowski(sheet.within(left), left, USUAL, Context())
    assert not found[~left].any()
    assert found[sheet.cortex & left].mean() == pytest.approx(3, abs=0.25)


def test_a_process_that_is_killed_is_told(monkeypatch):
    sheet = shell(2)
    code = f"import os, sys; sys.stderr.write('out of luck'); sys.stderr.flush(); os.kill(os.getpid(), {signal.SIGKILL:d})"
    monkeypatch.setattr(module, "_COMMAND", (sys.executable, "-c", code))
    with pytest.raises(ExternalError, match="killed by signal 9 and said: out of luck"):
        kapowski(sheet, half(sheet), USUAL, Context())


def test_a_sheet_is_unpacked_as_it_was():
    sheet = shell(2, signs=(-1, 1, 1))
    there = unpacked(packed(sheet))
    assert there.grid.same_place(sheet.grid)
    for name in ("cortex", "inner", "grey", "white"):
        found, expected = getattr(there, name), getattr(sheet, name)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("bad", [{"iterations": 0}, {"step": 2.0}, {"points": 1}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError):
        KapowskiConfig(**bad)
