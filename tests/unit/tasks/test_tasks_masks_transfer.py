"""Lesions of a phantom patient in its moved copy: the registration is a known matrix, all else is what a user gets."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import ndimage
from stored_axes import stored

from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess import coregister, registration, ventricles
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.transforms import linear_transform
from brainfill.tasks.masks import transfer
from brainfill.tasks.masks._base import Patient, draw

TOUCHING = np.ones((3, 3, 3))
# From the patient to the other brain.
MATRIX = np.eye(4)
MATRIX[:3, :3] = 1.05 * np.array([[0.995, -0.1, 0], [0.1, 0.995, 0], [0, 0, 1]])
MATRIX[:3, 3] = (2, -1, 1.5)
# Middle and half axes [mm]: at the ventricle, deep in white matter, at the cortex.
LESIONS = (((11.5, -2, 1), (3.5, 3, 3)), ((-12, 4, 3), (4, 2.2, 3)), ((0, 18.2, 3), (3, 3, 3)))
CONFIG = transfer.Config(seed=1)


def both_ways(matrix):
    """Points of the fixed image to the moving one, and back."""
    return Registration(linear_transform(matrix), linear_transform(np.linalg.inv(matrix)))


@pytest.fixture(autouse=True)
def known_registration(monkeypatch, tissue_phantom, tissue_grids):
    """The patient is where the template is; the other brain lies where MATRIX takes the patient."""
    calls = []

    def register(fixed, brain, moving, ignored, kind, effort, ctx, **more):
        calls.append((kind, ignored))
        return both_ways(np.linalg.inv(MATRIX))

    monkeypatch.setattr(registration, "register", register)
    monkeypatch.setattr(transfer, "to_template", lambda found, ctx: both_ways(MATRIX))
    monkeypatch.setattr(
        ventricles, "mni_ventricles", lambda: tissue_phantom(tissue_grids["RAS"])[1]
    )
    return calls


@pytest.fixture
def person(tissue_phantom, tissue_grids):
    """A scan of the phantom with its tissues, moved by a matrix."""

    def make(name, subject, move=None):
        back = None if move is None else np.linalg.inv(move)
        tissues, _ = tissue_phantom(tissue_grids[name], back)
        image = Volume(np.array([0, 30, 70, 100])[tissues.data], tissues.grid)
        return Scan(
            subject, {"T1w": image}, brain=Mask(tissues.data > 0, tissues.grid), labels=tissues
        )

    return make


@pytest.fixture
def patient(person, tissue_grids):
    def make(name="RAS", on=None):
        return Patient(person(name, "patient"), lesions(on or tissue_grids[name]))

    return make


@pytest.fixture
def healthy(person):
    return lambda name="RAS": person(name, "healthy", MATRIX)


def lesions(grid):
    xyz = grid.to_world(np.indices(grid.shape).reshape(3, -1).T.astype(float))
    flags = [np.linalg.norm((xyz - middle) / axes, axis=1) < 1 for middle, axes in LESIONS]
    return Mask(np.any(flags, axis=0).reshape(grid.shape), grid)


@pytest.mark.parametrize(
    ("here", "there"), [("RAS", "oblique"), ("LAS", "anisotropic"), ("PSR", "LAS")]
)
def test_each_lesion_keeps_its_volume_and_the_rules(
    patient, healthy, ctx, here, there, known_registration
):
    subject, scan = patient(here), healthy(there)
    result = draw("transfer", scan, subject, CONFIG, ctx)
    mask, table, facts = result.volumes["mask"], result.tables["components"], result.facts
    assert mask.grid.same_place(scan.grid)
    assert (
        ndimage.label(mask.data, TOUCHING)[1] == facts["LesionCount"] == len(LESIONS) == len(table)
    )
    assert facts["LesionsThatKeepTheRules"] == facts["PatientLesions"] == 3
    assert facts["RulesBroken"] == {}
    assert facts["Outcomes"] == {"rigid": 3}
    assert facts["WhiteMatterDice"]["registered"] > 0.85
    for row in table:
        assert abs(row["volume_ml"] - row["patient_ml"]) <= scan.grid.voxel_ml() / 2 + 1e-9
        assert row["reason"] is None
    assert sum(row["voxels"] for row in table) == mask.data.sum()
    tissues = scan.labels.data
    assert not (mask.data & (tissues == 1)).any()
    # Each middle went where the matrix takes it, but for what tissue and whole voxels ask.
    xyz = np.array([[row[f"{a}_mm"] for a in "xyz"] for row in table])
    wanted = np.array([middle for middle, _ in LESIONS]) @ MATRIX[:3, :3].T + MATRIX[:3, 3]
    gaps = np.linalg.norm(xyz[:, None] - wanted[None], axis=-1)
    assert sorted(gaps.argmin(axis=1)) == [0, 1, 2]
    assert gaps.min(axis=1).max() < 4
    ((kind, ignored),) = known_registration
    assert kind == "syn"
    assert ignored.data.sum() > subject.lesion.data.sum()  # with a margin
    json.dumps(facts)


@pytest.mark.parametrize("codes", ["LAS", "SRP"])
def test_the_mask_lies_where_it_lies_however_all_is_stored(patient, healthy, ctx, codes):
    plain, subject = healthy("oblique"), patient("RAS")
    other = turned_scan(plain, codes)
    twin = Patient(turned_scan(subject.scan, "PIR"), stored(subject.lesion, tuple("LSA")))
    one, two = (
        draw("transfer", scan, whose, CONFIG, ctx)
        for scan, whose in ((plain, subject), (other, twin))
    )
    np.testing.assert_array_equal(
        stored(one.volumes["mask"], tuple(codes)).data, two.volumes["mask"].data
    )
    for a, b in zip(one.tables["components"], two.tables["components"], strict=True):
        assert a == pytest.approx(b, abs=0.011)


def turned_scan(scan, codes):
    parts = (scan.images["T1w"], scan.brain, scan.labels)
    image, brain, labels = (stored(part, tuple(codes)) for part in parts)
    return Scan(scan.subject, {"T1w": image}, brain=brain, labels=labels)


def test_the_same_seed_carries_the_same(patient, healthy, ctx):
    one, two = (draw("transfer", healthy(), patient(), CONFIG, ctx) for _ in range(2))
    np.testing.assert_array_equal(one.volumes["mask"].data, two.volumes["mask"].data)
    assert one.facts == two.facts


def test_naive_warps_by_nearest_neighbours_and_tells_what_it_breaks(
    patient, healthy, ctx, known_registration
):
    heard = []
    result = draw(
        "transfer",
        healthy("anisotropic"),
        patient(),
        transfer.Config(naive=True),
        dataclasses.replace(ctx, warn=heard.append),
    )
    mask = result.volumes["mask"]
    back = np.linalg.inv(MATRIX)
    xyz = mask.grid.to_world(np.indices(mask.grid.shape).reshape(3, -1).T.astype(float))
    there = lesions(patient().scan.grid)
    index = np.rint(there.grid.to_index(xyz @ back[:3, :3].T + back[:3, 3])).astype(int)
    inside = ((index >= 0) & (index < there.grid.shape)).all(axis=1)
    expected = np.zeros(len(index), bool)
    expected[inside] = there.data[tuple(index[inside].T)]
    differ = (expected.reshape(mask.data.shape) != mask.data).mean()
    assert differ < 1e-3  # ties between neighbours
    assert known_registration == [("syn", None)]
    kept, broken = result.facts["LesionsThatKeepTheRules"], result.facts["RulesBroken"]
    assert kept + sum(broken.values()) == 3
    assert bool(heard) == bool(broken)


def test_lesions_drawn_on_a_flair_of_another_grid(person, healthy, ctx, monkeypatch):
    """The FLAIR lies 3 mm off the T1, in thick slices; volumes are those drawn on it."""
    off = np.eye(4)
    off[:3, 3] = (3, 0, -2)
    grid = Grid(
        (52, 50, 24), np.array([[1.4, 0, 0, -36], [0, 1.4, 0, -35], [0, 0, 3, -34], [0, 0, 0, 1]])
    )
    monkeypatch.setattr(coregister, "register", lambda *a, **k: both_ways(off))
    on_t1 = lesions(healthy().grid)
    xyz = grid.to_world(np.indices(grid.shape).reshape(3, -1).T.astype(float)) - off[:3, 3]
    index = np.rint(on_t1.grid.to_index(xyz)).astype(int)
    inside = ((index >= 0) & (index < on_t1.grid.shape)).all(axis=1)
    flags, shown = np.zeros(len(index), bool), np.zeros(len(index), np.float32)
    t1 = person("RAS", "patient")
    flags[inside] = on_t1.data[tuple(index[inside].T)]
    shown[inside] = t1.brain.data[tuple(index[inside].T)] * 50.0
    flair = Volume(shown.reshape(grid.shape), grid)
    subject = Patient(t1, Mask(flags.reshape(grid.shape), grid), flair)
    result = draw("transfer", healthy(), subject, CONFIG, ctx)
    table = result.tables["components"]
    xyz = np.array([[row[f"{a}_mm"] for a in "xyz"] for row in table])
    wanted = np.array([middle for middle, _ in LESIONS]) @ MATRIX[:3, :3].T + MATRIX[:3, 3]
    assert np.linalg.norm(xyz[:, None] - wanted[None], axis=-1).min(axis=1).max() < 4
    assert result.facts["PatientVolumeML"] == pytest.approx(subject.lesion.volume_ml())
    assert all(row["reason"] is None for row in table)


def test_a_registration_that_failed_is_refused(patient, healthy, ctx, monkeypatch):
    away = np.eye(4)
    away[:3, 3] = (0, 25, 0)
    monkeypatch.setattr(registration, "register", lambda *a, **k: both_ways(away))
    with pytest.raises(DataError, match="registration of the patient 'patient' failed") as error:
        draw("transfer", healthy(), patient(), CONFIG, ctx)
    assert error.value.exit_code == 65


def test_lesions_left_out_are_in_the_table_and_told(person, healthy, ctx, tissue_grids):
    grid = tissue_grids["RAS"]
    xyz = grid.to_world(np.indices(grid.shape).reshape(3, -1).T.astype(float))
    ventricle = np.linalg.norm((xyz - (2, -1, 1)) / (4, 7, 3), axis=1) < 1
    thick = Mask(ventricle.reshape(grid.shape) | lesions(grid).data, grid)
    heard = []
    config = transfer.Config(tries=2, reach_mm=1.0)
    surroundings = dataclasses.replace(ctx, warn=heard.append)
    result = draw(
        "transfer", healthy(), Patient(person("RAS", "patient"), thick), config, surroundings
    )
    rows = result.tables["components"]
    out = [row for row in rows if row["outcome"] == "rejected"]
    assert out[0]["reason"]
    assert result.facts["LesionCount"] == len(rows) - len(out)
    assert heard == [
        f"{len(out)} of {len(rows)} lesions were left out, as the table says: {out[0]['reason']} ({len(out)})"
    ]


def test_no_lesion_with_a_place_is_an_error(person, healthy, ctx, tissue_grids):
    """What was drawn where fluid is has no place within a millimetre."""
    grid = tissue_grids["RAS"]
    xyz = grid.to_world(np.indices(grid.shape).reshape(3, -1).T.astype(float))
    ventricle = np.linalg.norm((xyz - (2, -1, 1)) / (4, 7, 3), axis=1) < 1
    subject = Patient(person("RAS", "patient"), Mask(ventricle.reshape(grid.shape), grid))
    config = transfer.Config(tries=2, reach_mm=1.0)
    with pytest.raises(
        DataError, match="none of the 1 lesions found a place in 'healthy'"
    ) as error:
        draw("transfer", healthy(), subject, config, ctx)
    assert error.value.exit_code == 65


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"reach_mm": -1.0}, "reach_mm must be between"), ({"tries": 0}, "tries must be between")],
)
def test_ranges(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        transfer.Config(**options)
