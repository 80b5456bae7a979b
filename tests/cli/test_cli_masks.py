"""`brainfill masks`: what each kind writes, the same bytes for the same seed, and what it refuses."""

import dataclasses
import hashlib
import json

import nibabel as nib
import numpy as np
import pytest
from cli_files import save
from command_line import all_commands

from brainfill.cli import masks
from brainfill.core import registry
from brainfill.core.config import to_dict
from brainfill.tasks.masks._base import KINDS

GROUP = all_commands().commands["masks"]
KIND_NAMES = registry.names(KINDS)
OWN = ("box", "circles", "components", "ellipsoids", "healthy")


@pytest.fixture
def folder(tmp_path, brain, brain_grids):
    """A stripped brain, a mask of two lesions, and a folder with a mask to take lesions from."""
    grid = brain_grids["LAS"]
    image = brain(grid).data.astype(np.int16)
    lesion = np.zeros(grid.shape, np.uint8)
    lesion[8:11, 20:23, 15:18] = lesion[24:26, 25:27, 20:22] = 1
    pool = np.zeros((20, 20, 20), np.uint8)
    pool[2:5, 2:6, 2:4] = pool[10:13, 10:12, 10:14] = pool[16:18, 3:5, 3:5] = 1
    (tmp_path / "pool").mkdir()
    save(tmp_path / "t1.nii.gz", image, grid.affine)
    save(tmp_path / "lesion.nii.gz", lesion, grid.affine)
    save(tmp_path / "tissue.nii.gz", np.digitize(image, [1, 600]).astype(np.uint8), grid.affine)
    save(tmp_path / "pool" / "a.nii.gz", pool, np.diag([5.0, 5, 5, 1]))
    return tmp_path


def arguments(kind, folder):
    """What a kind is asked for in these tests."""
    t1, lesion, pool = (folder / n for n in ("t1.nii.gz", "lesion.nii.gz", "pool"))
    return {
        "circles": (t1,),
        "ellipsoids": (t1, "--n", 3, "--radius-mm", 10, 20),
        "box": (lesion, "--grow-vox", 3),
        "components": (t1, pool, "--n", 2),
        "healthy": (t1, lesion, "--masks", pool),
    }[kind]


def draw(call, folder, kind, out="out.nii.gz", *more):
    return call("masks", kind, *arguments(kind, folder), "-o", folder / out, *more)


def listing(folder):
    return sorted(p.name for p in folder.iterdir() if p.is_file())


BEFORE = ["lesion.nii.gz", "t1.nii.gz", "tissue.nii.gz"]


@pytest.mark.parametrize("kind", OWN)
def test_mask_record_and_table_are_written(call, folder, kind):
    outcome = draw(call, folder, kind)
    assert (outcome.code, outcome.out) == (0, f"{folder / 'out.nii.gz'}\n")
    others = ("unhealthy", "union", "voided") if kind == "healthy" else ()
    written = ["out.json", "out.nii.gz", "out.tsv", *(f"out_{n}.nii.gz" for n in others)]
    assert listing(folder) == sorted([*BEFORE, *written])
    mask, scan = nib.load(folder / "out.nii.gz"), nib.load(folder / "t1.nii.gz")
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(mask.affine, scan.affine)
    values = np.asarray(mask.dataobj)
    assert set(np.unique(values)) == {0, 1}
    facts = json.loads((folder / "out.json").read_text())
    header, *rows = (line.split("\t") for line in (folder / "out.tsv").read_text().splitlines())
    assert header[:6] == ["component", "voxels", "volume_ml", "x_mm", "y_mm", "z_mm"]
    assert sum(int(row[1]) for row in rows) == values.sum() == facts["LesionVoxels"]
    assert facts["Kind"] == kind
    assert len(facts["Drawn"]) >= 1
    first = folder / ("lesion.nii.gz" if kind == "box" else "t1.nii.gz")
    assert facts["Sources"][0] == str(first)
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert facts["SourcesSHA256"][str(first)] == digest
    assert facts["Outputs"]["mask"] == "out.nii.gz"
    assert {facts["Outputs"][n] for n in others} == {f"out_{n}.nii.gz" for n in others}
    config = registry.load(KINDS, kind).Config
    assert facts["Seed"] == config().seed
    assert to_dict(config()).keys() <= facts["BrainfillArguments"].keys()


@pytest.mark.parametrize("kind", OWN)
def test_same_seed_same_bytes_and_another_seed_another_mask(call, folder, kind):
    written = []
    for seed in (7, 7, 8):
        assert draw(call, folder, kind, "out.nii.gz", "--seed", seed, "--force").code == 0
        written.append({p.name: p.read_bytes() for p in folder.glob("out*")})
    assert written[0] == written[1]
    assert written[0]["out.nii.gz"] != written[2]["out.nii.gz"]


def test_the_voided_scan_is_the_scan_but_for_the_union(call, folder):
    assert draw(call, folder, "healthy").code == 0
    before, after = nib.load(folder / "t1.nii.gz"), nib.load(folder / "out_voided.nii.gz")
    union = np.asarray(nib.load(folder / "out_union.nii.gz").dataobj) > 0
    np.testing.assert_array_equal(
        np.asarray(after.dataobj), np.where(union, 0, np.asarray(before.dataobj))
    )
    assert after.header == before.header


def test_circles_may_be_lesions_of_a_mask(call, folder):
    lesions = ("--lesions", folder / "lesion.nii.gz", "--share-circles", 0)
    tissue = ("--tissue", folder / "tissue.nii.gz", "--tissue-label", 1, "--tissue-label", 2)
    assert draw(call, folder, "circles", "out.nii.gz", *lesions, *tissue).code == 0
    mask = np.asarray(nib.load(folder / "out.nii.gz").dataobj) > 0
    assert not mask[np.asarray(nib.load(folder / "lesion.nii.gz").dataobj) == 0].any()
    header = (folder / "out.tsv").read_text().splitlines()[0]
    assert header.endswith("share_in_brain\tshare_in_tissue")
    assert json.loads((folder / "out.json").read_text())["Pool"]["Masks"] == 1


def test_planes_and_centres(call, folder):
    for plane in ("sagittal", "coronal", "axial"):
        more = ("--plane", plane, "--own-centres", "--depth-mm", 25)
        assert draw(call, folder, "circles", f"{plane}.nii.gz", *more).code == 0
        drawn = json.loads((folder / f"{plane}.json").read_text())["Drawn"]
        centres = np.array([d["centre_mm"] for d in drawn])
        axis = ("sagittal", "coronal", "axial").index(plane)
        assert sorted(np.abs(np.diff(centres[:, axis]))) == [5.0] * 4
        assert np.ptp(np.delete(centres, axis, axis=1), axis=0).min() > 0


def test_json_summary_and_verbose_line(call, folder):
    outcome = draw(call, folder, "ellipsoids", "out.nii", "--json", "-v")
    summary = json.loads(outcome.out)
    assert summary.pop("Output") == str(folder / "out.nii")
    assert summary == json.loads((folder / "out.json").read_text())
    assert f"drew 3 lesions, {summary['LesionVolumeML']:.2f} ml" in outcome.err
    assert draw(call, folder, "ellipsoids", "q.nii", "-q").err == ""


@pytest.mark.parametrize("kind", OWN)
def test_dry_run_shows_all_and_writes_nothing(call, folder, kind):
    outcome = draw(call, folder, kind, "out.nii.gz", "--dry-run", "--seed", 9)
    plan = json.loads(outcome.out)
    assert outcome.code == 0
    assert plan["kind"] == kind
    assert plan["options"]["seed"] == 9
    assert plan["outputs"]["table"] == str(folder / "out.tsv")
    assert set(plan["options"]) == {
        f.name for f in dataclasses.fields(registry.load(KINDS, kind).Config)
    }
    assert listing(folder) == BEFORE


def test_mgz_out(call, folder):
    assert draw(call, folder, "ellipsoids", "out.mgz").code == 0
    assert listing(folder) == sorted([*BEFORE, "out.json", "out.mgz", "out.tsv"])
    assert np.asarray(nib.load(folder / "out.mgz").dataobj).any()


# What is refused.


@pytest.mark.parametrize(
    ("kind", "more", "code", "sentence"),
    [
        ("ellipsoids", ("--n", 0), 2, "--n"),
        ("ellipsoids", ("--radius-mm", 9, 3), 2, "smaller one and then the larger one"),
        ("ellipsoids", ("--n", 900, "--tries", 3), 65, "found no place in 3 draws"),
        ("circles", ("--plane", "up"), 2, "--plane"),
        ("circles", ("--share-circles", 0.2), 2, "means nothing without lesions"),
        ("circles", ("--tissue-label", 2), 2, "no tissue was given"),
        ("circles", ("--lesions", "nowhere"), 66, "no lesion mask at 'nowhere'"),
        ("circles", ("--tissue", "{tissue}"), 65, "has 2 labels (1, 2)"),
        ("circles", ("--tissue", "{tissue}", "--tissue-label", 5), 65, "has no label 5"),
        ("circles", ("--brain", "none.nii"), 66, "'none.nii' does not exist"),
        ("box", ("--grow-mm", 2), 2, "same in two units"),
        ("box", ("--label", 3), 65, "has no label 3"),
        ("components", ("--n", 50), 65, "1 masks have 3 lesions of 0.02 to 20 ml"),
        ("components", ("--smallest-ml", 3, "--largest-ml", 2), 2, "--smallest-ml 3 is above"),
        ("healthy", ("--smallest-ml", 90), 65, "none of 1 masks has a lesion of 90 ml or more"),
        ("healthy", ("--gap-mm", 50), 65, "farther than 100 mm from the tumour"),
        ("healthy", ("--window", 2), 2, "--window"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence_and_leaves_nothing(
    call, folder, kind, more, code, sentence
):
    more = [str(m).format(tissue=folder / "tissue.nii.gz") for m in more]
    outcome = draw(call, folder, kind, "out.nii.gz", *more)
    assert outcome.code == code
    assert sentence in " ".join(outcome.err.split())
    assert outcome.out == ""
    assert listing(folder) == BEFORE


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("missing", ["t1.nii.gz", "lesion.nii.gz", "pool/a.nii.gz"])
def test_missing_files_are_named(call, folder, kind, missing):
    used = [str(a) for a in arguments(kind, folder)]
    (folder / missing).unlink()
    outcome = draw(call, folder, kind)
    concerned = any(str(folder / missing).startswith(a) for a in used)
    assert outcome.code == (66 if concerned else 0)
    if concerned:
        assert (
            str((folder / missing).parent if "pool" in missing else folder / missing) in outcome.err
        )


@pytest.mark.parametrize("name", ["lesion.nii.gz", "tissue.nii.gz"])
def test_an_empty_mask_is_refused(call, folder, name):
    image = nib.load(folder / name)
    save(folder / name, np.zeros(image.shape, np.uint8), image.affine)
    kind, more = ("box", ()) if "lesion" in name else ("circles", ("--tissue", folder / name))
    outcome = draw(call, folder, kind, "out.nii.gz", *more)
    assert outcome.code == 65
    assert "is empty" in outcome.err


def test_not_a_number_is_refused_or_taken_as_zero(call, folder):
    scan = nib.load(folder / "t1.nii.gz")
    values = np.asarray(scan.dataobj).astype(np.float32)
    values[values == 0] = np.nan
    save(folder / "t1.nii.gz", values, scan.affine)
    outcome = draw(call, folder, "ellipsoids")
    assert outcome.code == 65
    assert "--nan-to-zero" in outcome.err
    assert draw(call, folder, "ellipsoids", "out.nii.gz", "--nan-to-zero").code == 0


def test_outputs_are_not_replaced_and_inputs_never(call, folder):
    assert draw(call, folder, "ellipsoids").code == 0
    again = draw(call, folder, "ellipsoids")
    assert again.code == 2
    assert "exists already" in again.err
    assert draw(call, folder, "ellipsoids", "out.nii.gz", "--force").code == 0
    for name in ("t1.nii.gz", "pool/a.nii.gz"):
        over = draw(call, folder, "components", name, "--force")
        assert over.code == 2
        assert "would replace the input" in over.err
    bad = draw(call, folder, "ellipsoids", "out.txt")
    assert (bad.code, "must end in .nii" in bad.err) == (2, True)


def test_all_or_none(call, folder, monkeypatch):
    from brainfill.core.errors import ConfigError
    from brainfill.io import sidecar

    def full(facts, path):
        msg = "the disk is full"
        raise ConfigError(msg)

    monkeypatch.setattr(sidecar, "write_sidecar", full)
    assert draw(call, folder, "healthy").code == 2
    assert listing(folder) == BEFORE


# The pattern of the group.


def test_every_kind_has_a_command():
    assert sorted(GROUP.commands) == KIND_NAMES
    assert {c.name for c in masks.app.registered_commands} == set(KIND_NAMES)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_options_take_default_help_and_range_from_the_config(kind):
    found = {p.name: p for p in GROUP.commands[kind].params}
    for field in dataclasses.fields(registry.load(KINDS, kind).Config):
        option = found[field.name]
        default = option.default() if callable(option.default) else option.default
        assert (tuple(default) if isinstance(default, list | tuple) else default) == field.default
        assert option.help.startswith(field.metadata["help"])
        assert field.metadata["unit"] in option.help


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_kind_has_help_and_the_usual_options(call, kind):
    outcome = call("masks", kind, "--help")
    assert outcome.code == 0
    for option in ("--out", "--seed", "--force", "--dry-run", "--json", "--quiet", "--verbose"):
        assert option in outcome.out
