"""DiReCT on shells of known thickness, and what the backend takes for cortex."""

import dataclasses
import signal
import sys

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError, ExternalError
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.tissues import deep, kmeans
from brainfill.preprocess.tissues._base import Tissues
from brainfill.preprocess.transforms import linear_transform
from brainfill.thickness import direct as direct_module
from brainfill.thickness.backends import direct as backend
from brainfill.thickness.direct import DirectConfig, Sheet, direct, packed, unpacked
from brainfill.thickness.kapowski import kapowski
from brainfill.thickness.placed import Placed
from brainfill.thickness.regions import DEEP, FIRST, HINDBRAIN, load_names

USUAL = DirectConfig()
SIDE, WHITE_MM = 24, 6.0


def shell(thick_mm, signs=(1, 1, 1), gap_mm=0.0):
    """A ball of white matter in a shell of grey matter; shares at both borders are those of the voxels."""
    grid = Grid((SIDE,) * 3, np.diag([*map(float, signs), 1.0]))
    radius = np.linalg.norm(np.indices(grid.shape).T - (SIDE - 1) / 2, axis=-1).T
    within = [np.clip(mm - radius + 0.5, 0, 1) for mm in (WHITE_MM, WHITE_MM + gap_mm)]
    outer = np.clip(WHITE_MM + gap_mm + thick_mm - radius + 0.5, 0, 1)
    white, grey = within[0], outer - within[1]
    inner = white >= 0.5
    cortex = (grey >= 0.5) & ~inner
    shares = [np.where(cortex, grey, 0).astype(np.float32), white.astype(np.float32)]
    return Sheet(grid, cortex, inner, *shares)


@pytest.fixture(scope="module")
def measured():
    """Thickness of shells of 2, 3 and 4 mm."""
    return {mm: whole(shell(mm), USUAL) for mm in (2, 3, 4)}


def whole(sheet, config):
    """Thickness in one piece, in this process."""
    return np.where(sheet.cortex, kapowski(sheet, config, Context()), 0)


def half(sheet):
    """Voxels of the left half of a grid."""
    left = np.zeros(sheet.grid.shape, bool)
    left[: SIDE // 2] = True
    return left


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
    short, long = (whole(shell(3), DirectConfig(step=0.025, iterations=n)) for n in (45, 90))
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
        direct(dataclasses.replace(sheet, **nothing), half(sheet), USUAL, Context())


def test_cortex_that_lies_on_nothing_is_refused():
    sheet = shell(2, gap_mm=3)
    with pytest.raises(DataError, match="no cortex lies on white matter"):
        direct(sheet, half(sheet), USUAL, Context())


def test_cortex_and_white_matter_of_different_halves_are_refused():
    sheet = shell(4)
    left = np.zeros(sheet.grid.shape, bool)
    left[:4] = True
    far = ~half(sheet)
    apart = dataclasses.replace(sheet, cortex=sheet.cortex & left, inner=sheet.inner & far)
    with pytest.raises(DataError, match="no cortex lies on white matter"):
        direct(apart, left, USUAL, Context())


@pytest.mark.parametrize("threads", [1, 2])
def test_halves_apart_read_what_the_whole_reads(measured, threads):
    sheet = shell(3)
    found = direct(sheet, half(sheet), USUAL, Context(threads=threads))
    assert found.dtype == np.float32
    assert not found[~sheet.cortex].any()
    off = np.abs(found - measured[3])[sheet.cortex]
    assert off.mean() < 0.01
    assert off.max() < 0.1


def test_one_half_without_cortex_stays_empty():
    sheet = shell(3)
    left = half(sheet)
    found = direct(sheet.within(left), left, USUAL, Context())
    assert not found[~left].any()
    assert found[sheet.cortex & left].mean() == pytest.approx(3, abs=0.25)


def test_a_process_that_is_killed_is_told(monkeypatch):
    sheet = shell(2)
    code = f"import os, sys; sys.stderr.write('out of luck'); sys.stderr.flush(); os.kill(os.getpid(), {signal.SIGKILL:d})"
    monkeypatch.setattr(direct_module, "_COMMAND", (sys.executable, "-c", code))
    with pytest.raises(ExternalError, match="killed by signal 9 and said: out of luck"):
        direct(sheet, half(sheet), USUAL, Context())


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
        DirectConfig(**bad)


# The whole backend, its parts planted: white matter, cortex, deep grey matter, cerebellum, in columns along x.
GRID = Grid((8, 6, 5), np.array([[-2.0, 0, 0, 7], [0, 2, 0, -20], [0, 0, 2, 10], [0, 0, 0, 1]]))
FLUID, WHITE, CORTEX, DEEP_GREY, CEREBELLUM = 0, 1, 2, 3, 4
COLUMNS = [FLUID, CORTEX, CORTEX, WHITE, WHITE, DEEP_GREY, CORTEX, CEREBELLUM]


def planted():
    """Tissues and classes of the columns; a voxel in ten of each is another tissue."""
    what = np.broadcast_to(np.array(COLUMNS)[:, None, None], GRID.shape)
    csf, white = (np.where(what == w, 0.9, 0.1) for w in (FLUID, WHITE))
    grey = np.where(np.isin(what, (CORTEX, DEEP_GREY, CEREBELLUM)), 0.8, 0)
    classes = np.select(
        [what == CORTEX, what == CEREBELLUM, what == FLUID], [FIRST + 4, HINDBRAIN, FIRST], DEEP
    )
    shares = [s.astype(np.float32) for s in (csf, grey, white)]
    return what, Tissues(GRID, *shares), LabelMap(classes, GRID)


@pytest.fixture
def sheets(monkeypatch):
    """Plants stripping, registration, tissues and regions; what DiReCT is given, and it answers 2.5 mm."""
    _, tissues, classes = planted()
    given = []
    there = Registration(linear_transform(np.eye(4)), linear_transform(np.eye(4)))

    def place(scan, stripper, spacing_mm, kind, ctx):
        given.append(kind)
        ready = dataclasses.replace(scan, brain=Mask(np.ones(GRID.shape, bool), GRID))
        return Placed(ready, ready.brain, there, {"SkullStripper": stripper})

    class Planted:
        def classes(self, brain):
            return classes

    def answer(sheet, left, config, ctx):
        given.append(sheet)
        return np.where(sheet.cortex, np.float32(2.5), np.float32(0))

    monkeypatch.setattr(backend, "place", place)
    monkeypatch.setattr(backend, "parcels", lambda *_: Planted())
    monkeypatch.setattr(backend, "direct", answer)
    for module in (deep, kmeans):
        monkeypatch.setattr(module, "build", lambda config: lambda scan, found, ctx: tissues)
    return given


def measure(lesion=None, brightness=(20, 100, 60, 60, 60), **options):
    settings = {"segmenter": "deep", "least_cortex_ml": 0.1} | options
    image = Volume(np.array(brightness)[planted()[0]], GRID)
    scan = Scan("sub-01", {"T1w": image}, lesion)
    return backend.build(backend.Config(**settings))(scan, Context())


def test_cortex_is_grey_matter_of_cortical_regions(sheets):
    what, tissues, _ = planted()
    found = measure()
    kind, sheet = sheets
    assert kind == deep.TEMPLATE
    np.testing.assert_array_equal(sheet.cortex, what == CORTEX)
    np.testing.assert_array_equal(sheet.inner, np.isin(what, (WHITE, DEEP_GREY)))
    # Shares of grey matter belong to cortex there, to what lies inside elsewhere, to nothing in the cerebellum.
    by_column = {c: (sheet.grey[i, 0, 0], sheet.white[i, 0, 0]) for i, c in enumerate(COLUMNS)}
    assert by_column[CORTEX] == pytest.approx((0.8, 0.1))
    assert by_column[WHITE] == pytest.approx((0, 0.9))
    assert by_column[DEEP_GREY] == pytest.approx((0, 0.9))
    assert by_column[CEREBELLUM] == pytest.approx((0, 0))
    assert found.facts["Backend"] == "direct/deep"
    assert found.facts["CortexVolumeML"] == pytest.approx(3 * 6 * 5 * 0.008)
    assert found.facts["CortexNotReached"] == 0
    assert found.facts["TissueVolumeML"]["GM"] == pytest.approx(tissues.grey.sum() * 0.008)


def test_a_lesion_that_is_known_is_white_matter(sheets):
    what, _, _ = planted()
    lesion = np.zeros(GRID.shape, bool)
    lesion[2, 2:4, 2] = True
    assert (what[lesion] == CORTEX).all()
    measure(Mask(lesion, GRID))
    sheet = sheets[1]
    assert sheet.inner[lesion].all()
    assert not sheet.cortex[lesion].any()
    assert (sheet.white[lesion] == 1).all()
    assert not sheet.grey[lesion].any()


def test_map_and_labels_are_on_the_grid_of_the_scan(sheets):
    what, _, _ = planted()
    found = measure()
    names = load_names()
    for volume in (found.map, found.labels):
        assert volume.grid.same_place(GRID)
    np.testing.assert_array_equal(found.map.data, np.where(what == CORTEX, 2.5, 0))
    # The first axis points to the left: x is 7 mm in the first column.
    sides = {i: names[int(found.labels.data[i, 0, 0])].hemisphere for i in (1, 2, 6)}
    assert sides == {1: "right", 2: "right", 6: "left"}
    assert found.mean_mm == {"left": 2.5, "right": 2.5}
    rows = {r.label: r for r in found.regions if r.voxels}
    assert sorted(r.voxels for r in rows.values()) == [30, 60]
    assert len(found.regions) == len(names)


def test_too_little_cortex_is_refused(sheets):
    with pytest.raises(
        DataError, match=r"'sub-01' shows no cortex .*: found 1 ml, expected at least 100 ml"
    ) as caught:
        measure(least_cortex_ml=100.0)
    assert "T1-weighted" in caught.value.hint


def test_another_contrast_is_refused(sheets):
    with pytest.raises(DataError, match=r"'sub-01' is not T1-weighted: .*expected these to rise"):
        measure(brightness=(200, 40, 60, 60, 60))


@pytest.mark.parametrize(
    ("lacks", "chosen"), [("", "direct/deep"), ("weights are missing", "direct/atropos")]
)
def test_auto_takes_the_network_where_it_is(monkeypatch, lacks, chosen):
    monkeypatch.setattr(deep, "missing", lambda config: lacks)
    found = backend._segmenter(backend.Config())
    assert f"direct/{found.name}" == chosen
    assert (lacks or "its model is there") in found.reason


def test_a_model_that_was_asked_for_is_not_passed_over():
    config = backend.Config(tissues={"model": "none"})
    assert backend._segmenter(config).name == "deep"
    assert "no model 'none'" in backend.missing(config)


def test_regions_that_are_not_there_are_missing():
    config = backend.Config(segmenter="kmeans", regions="none")
    assert "no model 'none'" in backend.missing(config)


def test_settings_a_segmenter_does_not_have_are_refused():
    with pytest.raises(ConfigError, match=r"tissues\."):
        backend.missing(backend.Config(segmenter="kmeans", tissues={"model": "tissues"}))


def test_results_of_the_own_backend_are_not_read(tmp_path):
    with pytest.raises(ConfigError, match="--from means nothing to 'direct'"):
        backend.read(backend.Config(), tmp_path)
