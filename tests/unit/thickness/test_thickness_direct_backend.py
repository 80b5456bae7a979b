"""What the backend takes for cortex, and what it makes of its thickness."""

import dataclasses

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.tissues import deep, kmeans
from brainfill.preprocess.tissues._base import Tissues
from brainfill.preprocess.transforms import linear_transform
from brainfill.thickness.backends import direct as backend
from brainfill.thickness.placed import Placed
from brainfill.thickness.regions import DEEP, FIRST, HINDBRAIN, load_names

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

    def answer(sheet, config, ctx):
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


def test_the_engine_can_be_ants(sheets, monkeypatch):
    monkeypatch.setattr(
        backend, "kapowski", lambda sheet, left, config, ctx: np.where(sheet.cortex & left, 3.0, 2)
    )
    assert measure(engine="ants").mean_mm == {"left": 3.0, "right": 2.0}


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
