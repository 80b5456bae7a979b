"""The synthesize task in memory, with a painter that paints everything in one value per contrast."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.lesions.contrast import contrast_of
from brainfill.painters._base import Painting
from brainfill.tasks import synthesize as task
from brainfill.tasks.synthesize import SynthesizeConfig, painter_config, run

PAINT = {"T1w": 300.0, "FLAIR": 1500.0}


@dataclass(frozen=True, kw_only=True)
class PaintConfig:
    """Settings of the painter."""

    model: str = option("some-model", "model")
    grain: float = option(0.0, "grain")


@pytest.fixture
def paint(monkeypatch):
    """Puts the painter in the place of every method; what it was called with."""
    calls = []

    def build(config):
        def paint(images, lesion, extent, ctx):
            calls.append((config, images, lesion, extent, ctx))
            noise = config.grain * np.random.default_rng(0).standard_normal(lesion.grid.shape)
            values = {n: (PAINT[n] + noise).astype(np.float32) for n in images}
            return Painting(values, {"Model": config.model}, {"Turn": len(calls)})

        return paint

    plugin = SimpleNamespace(Config=PaintConfig, build=build)
    monkeypatch.setattr(task.registry, "load", lambda package, name: plugin)
    return calls


@pytest.fixture
def scan(phantom_scan, any_grid):
    full = phantom_scan(any_grid)
    return Scan("sub-01", full.images, full.lesion)


@pytest.fixture
def ras(phantom_scan, grids):
    full = phantom_scan(grids["RAS"])
    return Scan("sub-01", full.images, full.lesion)


def test_only_the_lesion_changes_in_every_contrast(scan, paint, ctx):
    [visit] = run(scan, SynthesizeConfig(), ctx).visits
    np.testing.assert_array_equal(visit.lesion.data, scan.lesion.data)
    assert list(visit.images) == ["T1w", "FLAIR"]
    for name, image in visit.images.items():
        inside = scan.lesion.data
        np.testing.assert_array_equal(image.data[~inside], scan.images[name].data[~inside])
        assert (image.data[inside] == PAINT[name]).all()
        assert image.grid is scan.grid or image.grid.same_place(scan.grid)


def test_the_record_says_what_was_painted(scan, paint, ctx):
    done = run(scan, SynthesizeConfig(method="paint"), ctx)
    [lesions] = done.facts["Lesions"]
    voxels = int(scan.lesion.data.sum())
    assert (lesions["Visit"], lesions["Count"], lesions["Voxels"]) == ("first", 1, voxels)
    assert lesions["VolumeML"] == pytest.approx(scan.lesion.volume_ml())
    [visit] = done.visits
    for name, ratio in lesions["BrightnessToSurroundings"].items():
        assert ratio == pytest.approx(contrast_of(visit.images[name].data, visit.lesion), rel=1e-3)
    facts = {k: done.facts[k] for k in ("Method", "Contrasts", "Model")}
    assert facts == {"Method": "paint", "Contrasts": ["T1w", "FLAIR"], "Model": "some-model"}


def test_a_grown_second_visit(scan, paint, ctx):
    first, later = run(scan, SynthesizeConfig(grow=2.0), ctx).visits
    assert [first.named("T1w"), later.named("T1w")] == ["T1w", "T1w_followup"]
    away = ndimage.distance_transform_edt(~scan.lesion.data, sampling=scan.grid.spacing())
    # The phantom's lesion lies deep enough for all growth to stay in the head.
    np.testing.assert_array_equal(later.lesion.data, away <= 2.001)
    assert later.lesion.data.sum() > first.lesion.data.sum()
    assert first.lesion.data[~later.lesion.data].sum() == 0
    original = scan.images["T1w"].data
    changed = later.images["T1w"].data != original
    np.testing.assert_array_equal(changed, later.lesion.data)
    np.testing.assert_array_equal(first.images["T1w"].data != original, first.lesion.data)


def test_a_shrunken_second_visit_shows_the_scan_where_the_lesion_was(scan, paint, ctx):
    first, later = run(scan, SynthesizeConfig(shrink=1.4), ctx).visits
    gone = first.lesion.data & ~later.lesion.data
    assert gone.any()
    assert later.lesion.data.any()
    for name, image in later.images.items():
        np.testing.assert_array_equal(image.data[gone], scan.images[name].data[gone])


@pytest.mark.parametrize("options", [{"grow": 2.0}, {"shrink": 1.4}])
def test_both_visits_are_painted_with_one_extent(ras, paint, ctx, options):
    done = run(ras, SynthesizeConfig(**options), ctx)
    union = done.visits[0].lesion.data | done.visits[1].lesion.data
    assert [call[2] for call in paint] == [v.lesion for v in done.visits]
    for _, _, _, extent, used in paint:
        np.testing.assert_array_equal(extent.data, union)
        assert used is ctx
    assert [r["Visit"] for r in done.facts["Lesions"]] == ["first", "followup"]
    assert [r["Turn"] for r in done.facts["Lesions"]] == [1, 2]


def test_growth_stays_in_the_head(ras, paint, ctx):
    later = run(ras, SynthesizeConfig(grow=50), ctx).visits[1]
    assert (later.images["T1w"].data[ras.images["T1w"].data == 0] == 0).all()
    assert not later.lesion.data[ras.images["T1w"].data == 0].any()


@pytest.mark.parametrize("options", [{"grow": 0.5}, {"shrink": 0.5}])
def test_a_change_below_the_voxel_size_is_warned_of(ras, paint, options):
    heard = []
    first, later = run(ras, SynthesizeConfig(**options), Context(warn=heard.append)).visits
    np.testing.assert_array_equal(first.lesion.data, later.lesion.data)
    assert heard == [
        "the lesions are alike in both visits: voxels are larger than what they change by"
    ]


def test_lesions_that_shrink_to_nothing_are_an_error(ras, paint, ctx):
    with pytest.raises(DataError, match="nothing is left of the lesions of 'sub-01' shrunk by 30"):
        run(ras, SynthesizeConfig(shrink=30), ctx)
    assert paint == []


@pytest.mark.parametrize("wanted", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("options", [{}, {"grow": 8.0}, {"shrink": 1.4}])
def test_the_contrast_asked_for_is_reached_in_every_visit(ras, paint, ctx, wanted, options):
    config = SynthesizeConfig(lesion_contrast=wanted, settings=("grain=20",), **options)
    done = run(ras, config, ctx)
    for visit, lesions in zip(done.visits, done.facts["Lesions"], strict=True):
        found = contrast_of(visit.images["T1w"].data, visit.lesion)
        assert found == pytest.approx(wanted, rel=1e-5)
        assert lesions["BrightnessToSurroundings"]["T1w"] == pytest.approx(found, rel=1e-3)


def test_the_other_contrast_follows_by_the_same_factor(ras, paint, ctx):
    plain, strong = (
        run(ras, SynthesizeConfig(lesion_contrast=c), ctx).facts["Lesions"][0] for c in (0, 0.2)
    )
    before, after = (x["BrightnessToSurroundings"] for x in (plain, strong))
    factor = (after["T1w"] - 1) / (before["T1w"] - 1)
    assert (after["FLAIR"] - 1) / (before["FLAIR"] - 1) == pytest.approx(factor, rel=1e-4)


def test_the_contrast_may_be_that_of_a_flair(ras, paint, ctx):
    flair = Scan("sub-01", {"FLAIR": ras.images["FLAIR"]}, ras.lesion)
    [visit] = run(flair, SynthesizeConfig(contrast="FLAIR", lesion_contrast=1.4), ctx).visits
    assert contrast_of(visit.images["FLAIR"].data, visit.lesion) == pytest.approx(1.4, rel=1e-5)


def test_what_not_all_images_show_is_not_painted(ras, paint):
    heard = []
    flair = ras.images["FLAIR"].data.copy()
    flair[:, :, : ras.grid.shape[2] // 2] = 0  # a smaller field of view
    part = Scan("sub-01", {**ras.images, "FLAIR": Volume(flair, ras.grid)}, ras.lesion)
    [visit] = run(part, SynthesizeConfig(), Context(warn=heard.append)).visits
    np.testing.assert_array_equal(visit.lesion.data, ras.lesion.data & (flair > 0))
    left = int((ras.lesion.data & (flair == 0)).sum())
    assert heard == [f"{left} of {ras.lesion.data.sum()} lesion voxels show background in 'sub-01'"]


def test_masks_that_cannot_be_meant_are_refused(ras, paint, ctx):
    nothing = np.zeros(ras.grid.shape, bool)
    corner = nothing.copy()
    corner[:2, :2, :2] = True
    for mask, words in (
        (nothing, "is empty"),
        (corner, "none of the 8 voxels of the lesion mask lies in the head"),
        (ras.images["T1w"].data != 0, "covers 100 % of the head"),
    ):
        with pytest.raises(DataError, match=words):
            run(Scan("sub-01", ras.images, Mask(mask, ras.grid)), SynthesizeConfig(), ctx)
    with pytest.raises(DataError, match="there is no mask"):
        run(Scan("sub-01", ras.images), SynthesizeConfig(), ctx)
    assert paint == []


def test_a_mask_that_only_touches_the_head_is_refused(grids, paint, ctx):
    data = np.zeros(grids["RAS"].shape, np.float32)
    data[8:20, 8:20, 8:20] = 500
    where = np.zeros(data.shape, bool)
    where[20:22, 10:14, 10:14] = True
    scan = Scan("x", {"T1w": Volume(data, grids["RAS"])}, Mask(where, grids["RAS"]))
    with pytest.raises(DataError, match="none of the 32 voxels of the mask shows tissue in 'x'"):
        run(scan, SynthesizeConfig(), ctx)


def test_settings_are_those_of_the_painter(paint):
    assert painter_config(SynthesizeConfig()) == PaintConfig()
    config = SynthesizeConfig(model="other", settings=("grain=2",))
    assert painter_config(config) == PaintConfig(model="other", grain=2.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"settings": ("model=x",)}, "'model' is an option of its own"),
        ({"settings": ("grainy=1",)}, "unknown setting 'grainy'"),
        ({"settings": ("grain=much",)}, "'grain' must be a number"),
        ({"method": "conditonal"}, "unknown painter 'conditonal'"),
    ],
)
def test_settings_that_do_not_fit(options, words, request):
    if "method" not in options:
        request.getfixturevalue("paint")
    with pytest.raises(ConfigError, match=words):
        painter_config(SynthesizeConfig(**options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"grow": 1.0, "shrink": 2.0}, "cannot grow by 1 mm and shrink by 2 mm"),
        ({"grow": -1.0}, "grow must be between"),
        ({"lesion_contrast": 11.0}, "lesion_contrast must be between"),
    ],
)
def test_options_without_meaning_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        SynthesizeConfig(**options)
