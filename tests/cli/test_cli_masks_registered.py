"""`brainfill masks place` and `transfer`: files in, files out; the registration is known, all else as users get it."""

import json

import nibabel as nib
import numpy as np
import pytest
from cli_files import save
from scipy import ndimage

from brainfill.preprocess import registration, ventricles
from brainfill.preprocess.registration import Registration
from brainfill.preprocess.transforms import linear_transform
from brainfill.tasks.masks import place, transfer

MOVE = np.eye(4)
MOVE[:3, 3] = (3, -2, 1)


def both_ways(matrix):
    return Registration(linear_transform(matrix), linear_transform(np.linalg.inv(matrix)))


@pytest.fixture
def folder(tmp_path, tissue_phantom, tissue_grids, monkeypatch):
    """A patient with two lesions, a healthy person who lies 3.7 mm away, the tissues of both."""
    for name, grid, move in (("patient", "LAS", None), ("healthy", "oblique", MOVE)):
        back = None if move is None else np.linalg.inv(move)
        tissues, _ = tissue_phantom(tissue_grids[grid], back)
        affine = tissues.grid.affine
        image = np.array([0, 30, 70, 100], np.int16)[tissues.data]
        save(tmp_path / f"{name}.nii.gz", image, affine)
        save(tmp_path / f"{name}_tissues.nii.gz", tissues.data.astype(np.uint8), affine)
    grid = tissue_grids["LAS"]
    xyz = grid.to_world(np.indices(grid.shape).reshape(3, -1).T.astype(float))
    flags = [np.linalg.norm(xyz - middle, axis=1) < 3 for middle in ((12, -2, 1), (-13, 4, 3))]
    save(
        tmp_path / "lesion.nii.gz",
        np.any(flags, 0).reshape(grid.shape).astype(np.uint8),
        grid.affine,
    )

    monkeypatch.setattr(registration, "register", lambda *a, **k: both_ways(np.linalg.inv(MOVE)))
    for kind in (place, transfer):
        monkeypatch.setattr(kind, "to_template", lambda found, ctx: both_ways(MOVE))
    wet = tissue_phantom(tissue_grids["RAS"])[1]
    monkeypatch.setattr(ventricles, "mni_ventricles", lambda: wet)
    # The phantom is smaller than a brain; given labels say where it is.
    monkeypatch.setattr("brainfill.preprocess.brain._STRIPPED_ML", (50.0, 2500.0))
    return tmp_path


def transferred(call, folder, out="out.nii.gz", *more):
    names = ("patient.nii.gz", "lesion.nii.gz", "healthy.nii.gz")
    tissues = ("--tissues", folder / "healthy_tissues.nii.gz")
    own = ("--patient-tissues", folder / "patient_tissues.nii.gz")
    paths = [folder / n for n in names]
    return call("masks", "transfer", *paths, "-o", folder / out, *tissues, *own, *more)


def placed(call, folder, out="out.nii.gz", *more):
    tissues = ("--tissues", folder / "healthy_tissues.nii.gz", "--largest-ml", 0.2)
    return call("masks", "place", folder / "healthy.nii.gz", "-o", folder / out, *tissues, *more)


def table(path):
    header, *rows = (line.split("\t") for line in path.read_text().splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def made(folder):
    return sorted(p.name for p in folder.glob("out*"))


def test_transfer_writes_mask_record_and_a_row_for_each_lesion(call, folder):
    outcome = transferred(call, folder)
    assert (outcome.code, outcome.out) == (0, f"{folder / 'out.nii.gz'}\n")
    assert made(folder) == ["out.json", "out.nii.gz", "out.tsv"]
    mask, scan = nib.load(folder / "out.nii.gz"), nib.load(folder / "healthy.nii.gz")
    np.testing.assert_array_equal(mask.affine, scan.affine)
    labels, count = ndimage.label(np.asarray(mask.dataobj), np.ones((3, 3, 3)))
    rows, facts = table(folder / "out.tsv"), json.loads((folder / "out.json").read_text())
    assert count == len(rows) == facts["LesionCount"] == 2
    assert {row["reason"] for row in rows} == {"n/a"}
    assert sum(int(row["voxels"]) for row in rows) == np.count_nonzero(labels)
    for row in rows:
        assert float(row["volume_ratio"]) == pytest.approx(1, abs=0.05)
    names = ("healthy.nii.gz", "healthy_tissues.nii.gz", "patient.nii.gz", "lesion.nii.gz")
    assert facts["Sources"] == [str(folder / n) for n in (*names, "patient_tissues.nii.gz")]
    assert facts["TissuesFrom"] == facts["PatientBrain"]["TissuesFrom"] == "given"


def test_place_writes_mask_record_and_table(call, folder):
    outcome = placed(call, folder, "out.nii.gz", "--n", 4, "-v")
    assert (outcome.code, outcome.out) == (0, f"{folder / 'out.nii.gz'}\n")
    assert "drew 4 lesions" in outcome.err
    rows = table(folder / "out.tsv")
    assert len(rows) == 4
    assert all(float(row["share_in_tissue"]) >= 0.95 for row in rows)
    facts = json.loads((folder / "out.json").read_text())
    assert facts["BrainfillArguments"]["n"] == 4
    assert "CC BY 4.0" in facts["LesionMap"]


@pytest.mark.parametrize("run", [transferred, placed])
def test_the_same_seed_writes_the_same_bytes(call, folder, run):
    written = []
    for _ in range(2):
        assert run(call, folder, "out.nii.gz", "--seed", 5, "--force").code == 0
        written.append({p.name: p.read_bytes() for p in folder.glob("out*")})
    assert written[0] == written[1]


@pytest.mark.parametrize("run", [transferred, placed])
def test_deterministic_runs_write_the_same_bytes_whatever_the_threads(call, folder, run):
    written = []
    for threads in (1, 8):
        words = ("--deterministic", "--threads", threads, "--force")
        assert run(call, folder, "out.nii.gz", *words).code == 0
        written.append({p.name: p.read_bytes() for p in folder.glob("out*")})
    assert set(written[0]) == {"out.json", "out.nii.gz", "out.tsv"}
    assert written[0] == written[1]


def test_place_takes_shapes_from_masks_and_a_load(call, folder):
    more = ("--shapes", folder / "lesion.nii.gz", "--load-ml", 0.4)
    assert placed(call, folder, "out.nii.gz", *more).code == 0
    rows = table(folder / "out.tsv")
    assert {row["source"] for row in rows} == {"lesion.nii.gz"}
    assert 0.25 < sum(float(row["volume_ml"]) for row in rows) <= 0.4


def test_naive_is_told_apart_in_the_record(call, folder):
    outcome = transferred(call, folder, "out.nii.gz", "--naive")
    assert outcome.code == 0
    facts = json.loads((folder / "out.json").read_text())
    assert facts["LesionMasked"] is False
    assert set(facts["Outcomes"]) == {"naive"}


def test_dry_run_shows_the_patient_and_writes_nothing(call, folder):
    outcome = transferred(call, folder, "out.nii.gz", "--dry-run")
    plan = json.loads(outcome.out)
    assert plan["patient"]["mask"] == str(folder / "lesion.nii.gz")
    assert plan["patient"]["tissues"] == str(folder / "patient_tissues.nii.gz")
    assert plan["inputs"]["image"] == str(folder / "healthy.nii.gz")
    assert made(folder) == []


def test_inputs_that_are_missing_or_do_not_fit_leave_nothing_behind(call, folder):
    (folder / "patient_tissues.nii.gz").unlink()
    outcome = transferred(call, folder)
    assert outcome.code == 66
    assert "patient_tissues.nii.gz' does not exist" in outcome.err
    elsewhere = np.eye(4)
    elsewhere[:3, 3] = 500
    save(folder / "patient_tissues.nii.gz", np.ones((4, 4, 4), np.uint8), elsewhere)
    outcome = transferred(call, folder)
    assert outcome.code == 65
    assert "tissue" in outcome.err
    assert made(folder) == []


def test_an_empty_mask_is_refused(call, folder):
    mask = nib.load(folder / "lesion.nii.gz")
    save(folder / "lesion.nii.gz", np.zeros(mask.shape, np.uint8), mask.affine)
    outcome = transferred(call, folder)
    assert outcome.code == 65
    assert "the lesion mask of 'patient' is empty" in outcome.err
    assert made(folder) == []


def test_what_does_not_fit_is_65_and_both_amounts_are_2(call, folder):
    outcome = placed(call, folder, "out.nii.gz", "--load-ml", 40, "--tries", 2)
    assert outcome.code == 65
    assert "expected 40 ml" in outcome.err
    assert "hint: ask for less (--load-ml)" in outcome.err
    assert made(folder) == []
    outcome = placed(call, folder, "out.nii.gz", "--n", 3, "--load-ml", 4)
    assert outcome.code == 2
    assert "give one of --n and --load-ml" in outcome.err
