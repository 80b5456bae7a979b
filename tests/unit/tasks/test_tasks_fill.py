"""The fill task in memory, with a filler that paints everything in one value."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.fillers._base import Filling
from brainfill.tasks import fill as task
from brainfill.tasks.fill import FillConfig, check_lesion, filler_config, run

PAINT = 5000.0


@dataclass(frozen=True, kw_only=True)
class PaintConfig:
    """A filler that knows some options of models, but not all."""

    samples: int = option(3, "samples")
    width_mm: float = option(2.0, "width", unit="mm")


@pytest.fixture
def paint(monkeypatch):
    """Puts the painting filler in the place of every method; what it was called with."""
    calls = []

    def build(config):
        def fill(image, hole, ctx):
            calls.append((config, image, hole, ctx))
            sd = np.ones(image.data.shape, np.float32) if config.samples > 1 else None
            return Filling(np.full(image.data.shape, PAINT, np.float32), sd, {"Steps": 4})

        return fill

    plugin = SimpleNamespace(Config=PaintConfig, build=build)
    monkeypatch.setattr(task.registry, "load", lambda package, name: plugin)
    return calls


@pytest.fixture
def scan(phantom, phantom_lesion, any_grid):
    return Scan("sub-01", {"T1w": phantom(any_grid)}, phantom_lesion(any_grid))


def test_only_the_hole_changes_and_the_lesion_becomes_the_fill(scan, paint, ctx):
    result = run(scan, FillConfig(dilate=1), ctx)
    before, after = scan.images["T1w"].data, result.volumes["filled"].data
    hole, lesion = result.volumes["hole"].data, scan.lesion.data
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert (after[lesion] == PAINT).all()
    assert (hole & ~lesion).any()
    assert hole[lesion].all()
    assert paint[0][2].data is result.volumes["hole"].data


def test_feather_blends_within_the_ring_only(scan, paint, ctx):
    blended = run(scan, FillConfig(dilate=1, feather=True), ctx)
    hard = run(scan, FillConfig(dilate=1, feather=False), ctx)
    ring = hard.volumes["hole"].data & ~scan.lesion.data
    assert (hard.volumes["filled"].data[ring] == PAINT).all()
    values, before = blended.volumes["filled"].data[ring], scan.images["T1w"].data[ring]
    assert (values > before).all()
    assert (values < PAINT).any()


def test_without_dilation_the_hole_is_the_lesion(scan, paint, ctx):
    result = run(scan, FillConfig(dilate=0), ctx)
    np.testing.assert_array_equal(result.volumes["hole"].data, scan.lesion.data)
    assert result.facts["FilledVoxels"] == result.facts["LesionVoxels"]


def test_dilation_stays_in_the_head(scan, paint, ctx):
    image = scan.images["T1w"].data
    hole = run(scan, FillConfig(dilate=20), ctx).volumes["hole"].data
    assert hole.sum() > 20 * scan.lesion.data.sum()
    assert (image[hole] != 0).all()


def test_the_rim_is_judged_by_default_and_not_blended(scan, paint, ctx):
    result = run(scan, FillConfig(), ctx)
    rim, hole = result.facts["Rim"], result.volumes["hole"].data
    ring = hole & ~scan.lesion.data
    assert rim["VoxelsFilled"] == ring.sum() == hole.sum() - scan.lesion.data.sum()
    assert rim["VoxelsJudged"] > rim["VoxelsFilled"]
    assert (result.volumes["filled"].data[hole] == PAINT).all()
    assert [row["rim_mm"] for row in result.tables["lesions"]] == [rim["ReachMM"][1]]
    grown = run(scan, FillConfig(dilate=1), ctx)
    assert "Rim" not in grown.facts
    assert "rim_mm" not in grown.tables["lesions"][0]


def test_facts_and_table(scan, paint, ctx):
    result = run(scan, FillConfig(method="paint"), ctx)
    facts, rows = result.facts, result.tables["lesions"]
    assert (facts["Method"], facts["Steps"]) == ("paint", 4)
    assert facts["LesionCount"] == len(rows) == 1
    assert facts["LesionVoxels"] == int(scan.lesion.data.sum())
    assert facts["LesionVolumeML"] == pytest.approx(scan.lesion.volume_ml())
    image = scan.images["T1w"].data
    assert facts["IntensityRangeInput"] == [float(image.min()), float(image.max())]
    assert rows[0]["mean_after"] == PAINT
    assert rows[0]["mean_before"] == pytest.approx(image[scan.lesion.data].mean(), rel=5e-4)


def test_stripes_and_the_step_at_the_border_are_recorded(scan, paint, ctx):
    facts = run(scan, FillConfig(feather=False), ctx).facts
    assert set(facts["StripeIndex"]["After"]) == {"x", "y", "z"}
    known = [v for v in facts["StripeIndex"]["After"].values() if v is not None]
    assert facts["LargestStripeIndex"] == (max(known) if known else None)
    inside = scan.images["T1w"].data[scan.lesion.data]
    # Everything around is darker than the paint by at least this.
    assert facts["BorderStepPct"] > 100 * (PAINT / inside.max() - 1) / 2


def test_standard_deviation_on_request_only(scan, paint, ctx):
    assert "sd" not in run(scan, FillConfig(), ctx).volumes
    sd = run(scan, FillConfig(samples=2, sd=True), ctx).volumes["sd"]
    assert (sd.data == 1).all()


def test_a_filler_without_standard_deviation(scan, paint, ctx, monkeypatch):
    plugin = task.registry.load("", "")
    monkeypatch.setattr(
        plugin, "build", lambda config: lambda *rest: Filling(scan.images["T1w"].data)
    )
    with pytest.raises(ConfigError, match="gives no standard deviation"):
        run(scan, FillConfig(samples=2, sd=True), ctx)


@pytest.mark.parametrize("samples", [0, 1])
def test_standard_deviation_needs_samples(samples):
    with pytest.raises(ConfigError, match=f"--samples of at least 2, got {samples}"):
        FillConfig(sd=True, samples=samples)


def test_options_become_settings_of_the_filler(paint):
    assert filler_config(FillConfig()) == PaintConfig()
    config = FillConfig(samples=7, settings=("width_mm=3",))
    assert filler_config(config) == PaintConfig(samples=7, width_mm=3.0)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (FillConfig(steps=5), "--steps means nothing to the method 'diffusion'"),
        (FillConfig(settings=("samples=5",)), "an option of its own"),
        (FillConfig(settings=("width=5",)), "unknown setting 'width'"),
        (FillConfig(settings=("width_mm=wide",)), "'width_mm' must be a number"),
    ],
)
def test_options_that_do_not_fit(paint, config, sentence):
    with pytest.raises(ConfigError, match=sentence):
        filler_config(config)


def test_what_is_missing_is_said(scan, paint, ctx):
    with pytest.raises(DataError, match="found T1w, expected T1w and a lesion mask"):
        run(Scan("sub-01", scan.images), FillConfig(), ctx)
    with pytest.raises(DataError, match="found FLAIR"):
        run(Scan("sub-01", {"FLAIR": scan.images["T1w"]}, scan.lesion), FillConfig(), ctx)
    assert paint == []


def masks(grids, lesion, head):
    grid = grids["RAS"]
    where = [np.zeros(grid.shape, bool) for _ in range(2)]
    where[0].flat[lesion] = True
    where[1].flat[head] = True
    return Mask(where[0], grid), where[1]


@pytest.mark.parametrize(
    ("lesion", "head", "sentence"),
    [
        (slice(0), slice(100), "is empty"),
        (slice(10), slice(0), "shows no head"),
        (slice(10), slice(400, 490), "none of the 10 voxels"),
        (slice(51), slice(100), "covers 51 % of the head"),
    ],
)
def test_masks_that_cannot_be_meant(grids, ctx, lesion, head, sentence):
    with pytest.raises(DataError, match=sentence) as refusal:
        check_lesion(*masks(grids, lesion, head), "sub-01", ctx)
    assert "'sub-01'" in str(refusal.value)
    assert refusal.value.hint


def test_masks_that_can_be_meant(grids):
    warnings = []
    ctx = Context(warn=warnings.append)
    check_lesion(*masks(grids, slice(50), slice(100)), "sub-01", ctx)
    assert warnings == []
    check_lesion(*masks(grids, slice(90, 110), slice(100)), "sub-01", ctx)
    assert warnings == ["10 of 20 lesion voxels show background in 'sub-01'"]


def test_a_lesion_cut_out_up_to_the_surface_belongs_to_the_head(grids, ctx):
    shown, lesion = (np.zeros(grids["RAS"].shape, bool) for _ in range(2))
    shown[4:20, 4:20, 4:20] = True
    lesion[14:20, 8:14, 8:14] = True  # opens to the outside
    lesion[24:26, 24:26, 2:4] = True  # in the air
    shown &= ~lesion
    head = check_lesion(Mask(lesion, grids["RAS"]), shown, "sub-01", ctx)
    assert head[14:20, 8:14, 8:14].all()
    assert not head[24:26].any()
    assert head.sum() == 16**3


def test_an_image_of_one_value_is_refused(grids, phantom_lesion, paint, ctx):
    grid = grids["RAS"]
    flat = Scan("x", {"T1w": Volume(np.ones(grid.shape), grid)}, phantom_lesion(grid))
    with pytest.raises(DataError, match="shows no head"):
        run(flat, FillConfig(), ctx)
