"""Every kind of mask: its seed, the same mask however a scan is stored, and what each needs."""

import dataclasses
import json

import numpy as np
import pytest
from stored_axes import stored

from brainfill.core import registry
from brainfill.core.errors import ConfigError, DataError, GeometryError
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask, Scan
from brainfill.tasks.masks import box, circles, components, ellipsoids, healthy
from brainfill.tasks.masks._base import KINDS, MaskConfig, PoolMask, brain_of, draw, tissue_of

CONFIGS = {
    "circles": circles.Config(seed=3),
    "ellipsoids": ellipsoids.Config(seed=3, n=4, radius_mm=(9.0, 20.0)),
    "box": box.Config(seed=3, grow_mm=20.0),
    "components": components.Config(seed=3, n=3, smallest_ml=1.0, largest_ml=30.0),
    "healthy": healthy.Config(seed=3),
}
# Draws a union of lesions instead of discs.
LESIONS = circles.Config(seed=3, share_circles=0.0, smallest_ml=1.0)


def around(grid, *balls):
    """A mask of balls (centre and radius in mm) on a grid."""
    xyz = grid.to_world(np.indices(grid.shape).reshape(3, -1).T.astype(float))
    flags = [np.linalg.norm((xyz - c) / (1, 0.8, 0.6), axis=1) < r for c, r in balls]
    return Mask(np.any(flags, axis=0).reshape(grid.shape), grid)


@pytest.fixture(scope="module")
def pool_masks():
    grid = Grid((40, 42, 30), np.diag([3.0, 3, 4, 1]))
    places = [(30, 30, 40), (80, 90, 80), (90, 30, 60), (30, 90, 40)]
    return [
        around(grid, *zip(places, radii, strict=False))
        for radii in ((12, 9, 15), (13, 8), (10, 20, 11, 14))
    ]


def pool_of(masks, codes=None):
    turned = [m if codes is None else stored(m, codes) for m in masks]
    return [PoolMask(f"mask {i}", lambda m=m: m) for i, m in enumerate(turned)]


@pytest.fixture
def scan(brain, brain_grids):
    def make(name="RAS"):
        grid = brain_grids[name]
        image = brain(grid)
        lesion = around(grid, ((20, 20, 10), 14), ((-30, 10, 20), 9))
        labels = LabelMap(np.digitize(image.data, [1, 600]), grid)
        return Scan("sub-01", {"T1w": image}, lesion, labels=labels)

    return make


def own_pool(kind, config, scan, pool_masks, codes=None):
    if config is LESIONS:
        return pool_of([scan.lesion], codes)
    return pool_of(pool_masks, codes) if kind in ("components", "healthy") else []


def drawn(kind, scan, pool, config, ctx):
    labelled = kind == "components" or config is LESIONS
    config = dataclasses.replace(config, tissue_labels=(1, 2)) if labelled else config
    return draw(
        kind, scan if labelled else dataclasses.replace(scan, labels=None), pool, config, ctx
    )


CASES = [*CONFIGS.items(), ("circles", LESIONS)]
each_case = pytest.mark.parametrize(("kind", "config"), CASES, ids=[*CONFIGS, "circles-lesions"])


def test_every_kind_is_tried_here():
    assert sorted(k for k in registry.names(KINDS) if k not in ("transfer", "place")) == sorted(
        CONFIGS
    )


@each_case
def test_the_same_seed_draws_the_same_and_another_seed_something_else(
    kind, config, scan, pool_masks, ctx
):
    pool = own_pool(kind, config, scan(), pool_masks)
    first, again, other = (
        drawn(kind, scan(), pool, dataclasses.replace(config, seed=s) if s != 3 else config, ctx)
        for s in (3, 3, 4)
    )
    assert first.volumes.keys() == again.volumes.keys()
    for name, volume in first.volumes.items():
        np.testing.assert_array_equal(volume.data, again.volumes[name].data)
    assert first.facts == again.facts
    assert first.tables == again.tables
    assert (first.volumes["mask"].data != other.volumes["mask"].data).any()
    json.dumps(first.facts)


@each_case
@pytest.mark.parametrize("codes", ["LAS", "LPS", "SRP", "AIL"])
def test_the_mask_lies_where_it_lies_however_scan_and_pool_are_stored(
    kind, config, codes, scan, pool_masks, ctx
):
    for name in ("RAS", "oblique"):
        plain = scan(name)
        parts = (plain.images["T1w"], plain.lesion, plain.labels)
        image, lesion, labels = (stored(part, tuple(codes)) for part in parts)
        other = Scan("sub-01", {"T1w": image}, lesion, labels=labels)
        one = drawn(kind, plain, own_pool(kind, config, plain, pool_masks), config, ctx)
        two = drawn(kind, other, own_pool(kind, config, other, pool_masks, "LSP"), config, ctx)
        assert two.volumes["mask"].grid.same_place(other.grid)
        for part, volume in one.volumes.items():
            np.testing.assert_array_equal(
                stored(volume, tuple(codes)).data, two.volumes[part].data, err_msg=part
            )
        for a, b in zip(one.tables["components"], two.tables["components"], strict=True):
            assert a == pytest.approx(b, abs=0.011)


@each_case
def test_table_and_facts_are_those_of_the_mask(kind, config, scan, pool_masks, ctx):
    pool = own_pool(kind, config, scan(), pool_masks)
    result = drawn(kind, scan(), pool, config, ctx)
    mask, rows, facts = result.volumes["mask"], result.tables["components"], result.facts
    assert sum(row["voxels"] for row in rows) == facts["LesionVoxels"] == mask.data.sum()
    assert facts["LesionVolumeML"] == pytest.approx(mask.data.sum() * 0.125)
    assert facts["LesionCount"] == len(rows)
    assert facts["Kind"] == kind
    columns = [set(row) for row in rows]
    assert all(c == columns[0] for c in columns)
    wanted = "share_in_lesion" if kind == "box" else "share_in_brain"
    assert all(0 <= row[wanted] <= 1 for row in rows)


def test_components_say_where_they_come_from(scan, pool_masks, ctx):
    result = drawn("components", scan(), pool_of(pool_masks), CONFIGS["components"], ctx)
    rows = result.tables["components"]
    assert [row["voxels"] for row in rows] == sorted((r["voxels"] for r in rows), reverse=True)
    for row, fact in zip(
        rows, sorted(result.facts["Drawn"], key=lambda f: -f["source_volume_ml"]), strict=True
    ):
        assert (row["source"], row["source_component"]) == (fact["source"], fact["component"])
        assert [row["x_mm"], row["y_mm"], row["z_mm"]] == pytest.approx(fact["centre_mm"], abs=0.01)
        # Half a voxel of 0.125 ml on lesions of 1 ml and more.
        assert row["volume_ratio"] == pytest.approx(1, abs=0.0625)
        assert row["share_in_tissue"] >= 0.95
    assert result.facts["LesionsToChooseFrom"] == 9


def test_components_obey_labels(scan, pool_masks, ctx):
    config = dataclasses.replace(CONFIGS["components"], n=1, inside=0.9, tissue_labels=(2,))
    result = draw("components", scan(), pool_of(pool_masks), config, ctx)
    inside = scan().labels.data[result.volumes["mask"].data] == 2
    assert inside.mean() >= 0.9
    assert result.tables["components"][0]["share_in_tissue"] == pytest.approx(inside.mean())


@pytest.mark.parametrize(("smallest", "largest", "count"), [(1.0, 4.0, 4), (50.0, 60.0, 0)])
def test_too_few_lesions_of_a_size_are_refused(smallest, largest, count, scan, pool_masks, ctx):
    sizes = [m.volume_ml() for m in pool_masks]
    assert max(sizes) < 50
    config = components.Config(n=20, smallest_ml=smallest, largest_ml=largest)
    with pytest.raises(DataError, match=r"3 masks have \d lesions of .* expected at least 20"):
        drawn("components", scan(), pool_of(pool_masks), config, ctx)


def test_healthy_masks_come_with_the_others_and_the_voided_scan(scan, pool_masks, ctx):
    result = drawn("healthy", scan(), pool_of(pool_masks), CONFIGS["healthy"], ctx)
    flags = {name: volume.data for name, volume in result.volumes.items()}
    assert set(flags) == {"mask", "unhealthy", "union", "voided"}
    assert not (flags["mask"] & flags["unhealthy"]).any()
    np.testing.assert_array_equal(flags["union"], flags["mask"] | flags["unhealthy"])
    assert flags["unhealthy"][scan().lesion.data].all()
    before = scan().images["T1w"].data
    np.testing.assert_array_equal(flags["voided"], np.where(flags["union"], 0, before))
    assert result.facts["UnhealthyVolumeML"] == pytest.approx(flags["unhealthy"].sum() * 0.125)


def test_healthy_masks_have_the_published_seed():
    assert healthy.Config().seed == 2023


@pytest.mark.parametrize(
    ("change", "pool", "sentence"),
    [
        ({"lesion": None}, True, "need the tumour of 'sub-01'"),
        ({}, False, "none of 0 masks has a lesion of 0.8 ml or more"),
    ],
)
def test_healthy_masks_need_a_tumour_and_a_pool(change, pool, sentence, scan, pool_masks, ctx):
    given = dataclasses.replace(scan(), labels=None, **change)
    with pytest.raises(DataError, match=sentence):
        draw("healthy", given, pool_of(pool_masks) if pool else [], healthy.Config(), ctx)


def test_boxes_need_a_lesion(scan, ctx):
    empty = Mask(np.zeros(scan().grid.shape, bool), scan().grid)
    with pytest.raises(DataError, match="mask 'sub-01' is empty"):
        draw("box", dataclasses.replace(scan(), lesion=empty), [], box.Config(), ctx)
    with pytest.raises(DataError, match="no lesions of 'sub-01' were given"):
        draw("box", dataclasses.replace(scan(), lesion=None), [], box.Config(), ctx)


def test_boxes_grow_by_six_voxels_unless_told_otherwise(scan, ctx):
    def grown(**options):
        facts = draw("box", scan(), [], box.Config(**options), ctx).facts["Drawn"]
        return max(max(f["grown_vox"].values()) for f in facts)

    assert max(grown(seed=s) for s in range(8)) == 6
    assert grown(grow_vox=0) == 0
    assert max(grown(seed=s, grow_mm=10.0) for s in range(8)) == 2  # voxels of 5 mm
    with pytest.raises(ConfigError, match="same in two units"):
        box.Config(grow_vox=1, grow_mm=1.0)


def test_lesions_and_circles_come_in_their_proportions(scan, ctx):
    pool = pool_of([scan().lesion])
    kinds = [
        draw(
            "circles",
            dataclasses.replace(scan(), labels=None),
            pool,
            circles.Config(seed=s, share_circles=0.25),
            ctx,
        ).facts["Shapes"]
        for s in range(60)
    ]
    # Four standard deviations of a binomial count.
    assert abs(kinds.count("circles") - 15) < 4 * np.sqrt(60 * 0.25 * 0.75)
    assert set(kinds) == {"circles", "lesions"}
    with pytest.raises(ConfigError, match="--share-circles means nothing"):
        draw("circles", scan(), [], circles.Config(share_circles=0.25), ctx)


def test_lesions_are_cut_to_the_tissue_and_sized_afterwards(scan, ctx):
    where = scan()
    tissue = np.zeros(where.grid.shape, np.int32)
    tissue[around(where.grid, ((20, 20, 10), 40)).data] = 7  # the larger lesion and no other
    labelled = dataclasses.replace(where, labels=LabelMap(tissue, where.grid))
    config = dataclasses.replace(LESIONS, tissue_labels=(7,), smallest_ml=0.5)
    found = draw("circles", labelled, pool_of([where.lesion]), config, ctx)
    expected = where.lesion.data & (tissue == 7)
    np.testing.assert_array_equal(found.volumes["mask"].data, expected)
    too_large = dataclasses.replace(config, smallest_ml=99.0)
    with pytest.raises(
        DataError, match="none of 1 masks has a lesion of 99 ml or more in the tissue"
    ):
        draw("circles", labelled, pool_of([where.lesion]), too_large, ctx)


def test_lesions_of_elsewhere_are_refused(scan, pool_masks, ctx):
    config = dataclasses.replace(LESIONS)
    with pytest.raises(GeometryError, match="lesion mask 'mask 0' and image 'sub-01' do not fit"):
        draw(
            "circles",
            dataclasses.replace(scan(), labels=None),
            pool_of(pool_masks[:1]),
            config,
            ctx,
        )


# Brain and tissue.


def test_a_given_brain_is_taken_whole_and_alone(scan, ctx):
    flags = np.zeros(scan().grid.shape, bool)
    flags[5:15, 5:15, 5:15] = flags[30, 30, 30] = True
    flags[9:11, 9:11, 9:11] = False
    given = dataclasses.replace(scan(), brain=Mask(flags, scan().grid))
    found, origin = brain_of(given, ctx)
    assert (origin, int(found.data.sum())) == ("given", 1000)
    empty = dataclasses.replace(scan(), brain=Mask(flags & False, scan().grid))
    with pytest.raises(DataError, match="brain mask for 'sub-01' is empty"):
        brain_of(empty, ctx)


def test_a_stripped_scan_is_its_own_brain(scan, ctx):
    found, origin = brain_of(scan(), ctx)
    assert origin == "all that the stripped scan shows"
    np.testing.assert_array_equal(found.data, scan().images["T1w"].data != 0)


def test_in_a_head_the_network_is_asked(scan, ctx, monkeypatch):
    from brainfill.preprocess.strippers import builtin

    asked = []

    def build(config):
        return lambda image, ctx: asked.append(image) or Mask(image.data > 500, image.grid)

    monkeypatch.setattr(builtin, "build", build)
    image = scan().images["T1w"]
    noise = np.random.default_rng(0).normal(20, 5, image.data.shape)
    head = dataclasses.replace(scan(), images={"T1w": image.like(image.data + noise)})
    found, origin = brain_of(head, ctx)
    assert len(asked) == 1
    assert origin == "found by the network brain-mask"
    assert found.data.any()


def test_tissue_by_label(scan):
    labels = scan().labels.data
    both = tissue_of(scan(), (1, 2))
    np.testing.assert_array_equal(both.data, labels > 0)
    np.testing.assert_array_equal(tissue_of(scan(), (2,)).data, labels == 2)
    one = dataclasses.replace(scan(), labels=LabelMap((labels > 0) * 5, scan().grid))
    np.testing.assert_array_equal(tissue_of(one, ()).data, labels > 0)
    assert tissue_of(dataclasses.replace(scan(), labels=None), ()) is None


@pytest.mark.parametrize(
    ("change", "wanted", "kind", "sentence"),
    [
        ("none", (2,), ConfigError, "no tissue was given"),
        ("two", (), DataError, r"has 2 labels \(1, 2\)"),
        ("two", (1, 41), DataError, r"has no label 41; it has 1, 2"),
        ("empty", (), DataError, "is empty"),
    ],
)
def test_unclear_tissue_is_refused(change, wanted, kind, sentence, scan):
    labels = scan().labels
    changed = {"none": None, "two": labels, "empty": LabelMap(labels.data * 0, labels.grid)}[change]
    with pytest.raises(kind, match=sentence):
        tissue_of(dataclasses.replace(scan(), labels=changed), wanted)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ellipsoids.Config(radius_mm=(5.0, 3.0)), "smaller one and then the larger"),
        (lambda: ellipsoids.Config(radius_mm=(0.0, 3.0)), "radius_mm must be between 0.1 and 100"),
        (lambda: components.Config(smallest_ml=2.0, largest_ml=1.0), "--smallest-ml 2 is above"),
        (lambda: components.Config(inside=0.0), "inside must be between"),
        (lambda: circles.Config(share_circles=1.1), "share_circles must be between"),
        (lambda: MaskConfig(seed=-1), "seed must be between 0 and"),
    ],
)
def test_ranges(make, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make()
