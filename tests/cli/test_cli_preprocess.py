"""`brainfill preprocess` and `brainfill transform` on files: names, sidecars, ways there and back, exit codes."""

import json

import ants
import nibabel as nib
import numpy as np
import pytest
from cli_files import save
from scipy import ndimage

import brainfill
from brainfill.core.errors import DataError

SPACE = "space-template"


@pytest.fixture
def scans(tmp_path, brain, brain_grids):
    """A T1, a template, a lesion mask and a folder."""
    move = np.array([[1.02, 0.05, 0, 6], [-0.05, 1.02, 0, -4], [0, 0, 0.98, 5], [0, 0, 0, 1]])
    grid = brain_grids["LAS"]
    t1, template = brain(grid, move), brain(brain_grids["RAS"])
    ijk = np.argwhere(np.ones(grid.shape, bool)).astype(float)
    near = np.linalg.norm(grid.to_world(ijk) - (-25, 30, 0), axis=1) < 13
    save(tmp_path / "template.nii.gz", template.data, template.grid.affine)
    save(tmp_path / "sub-01_T1w.nii.gz", t1.data.astype(np.int16), grid.affine)
    save(tmp_path / "lesion.nii.gz", near.reshape(grid.shape).astype(np.uint8), grid.affine)
    return tmp_path


def preprocess(call, scans, *more, out="out"):
    lesion = ("--mask", scans / "lesion.nii.gz", "--template", scans / "template.nii.gz")
    return call("preprocess", scans / "sub-01_T1w.nii.gz", "-o", scans / out, *lesion, *more)


def data(path):
    return np.asarray(nib.load(path).dataobj)


def test_names_and_sidecars(call, scans):
    outcome = preprocess(call, scans)
    assert outcome.code == 0, outcome.err
    images = [
        *("desc-biasfield_T1w", "desc-brain_mask", "desc-preproc_T1w", "label-lesion_mask"),
        *(f"{SPACE}_{n}" for n in ("desc-brain_mask", "desc-preproc_T1w", "label-lesion_mask")),
        *("space-orig_desc-brain_mask", "space-orig_label-lesion_mask"),
    ]
    transforms = [
        "from-T1w_to-template_mode-image_xfm.txt",
        "from-template_to-T1w_mode-image_xfm.txt",
    ]
    expected = {f"sub-01_{n}{end}" for n in images for end in (".nii.gz", ".json")}
    expected |= {f"sub-01_{n}" for n in (*transforms, "desc-preproc.json")}
    assert {p.name for p in (scans / "out").iterdir()} == expected
    printed = {line.rpartition("/")[2] for line in outcome.out.splitlines()}
    assert printed == {
        n for n in expected if not n.endswith(".json") or n == "sub-01_desc-preproc.json"
    }
    facts = json.loads((scans / "out" / "sub-01_desc-preproc.json").read_text())
    assert [s["Step"] for s in facts["Steps"]] == ["reorient", "skullstrip", "n4", "register"]
    assert facts["Steps"][3]["LesionMasked"] is True
    about = json.loads((scans / "out" / f"sub-01_{SPACE}_desc-preproc_T1w.json").read_text())
    assert about["SkullStripped"] is True
    assert about["SpatialReference"] == SPACE.removeprefix("space-")
    mask = json.loads((scans / "out" / "sub-01_label-lesion_mask.json").read_text())
    assert mask["Type"] == "Lesion"
    lesion = data(scans / "lesion.nii.gz")
    np.testing.assert_array_equal(
        data(scans / "out" / "sub-01_space-orig_label-lesion_mask.nii.gz"), lesion
    )


def test_an_empty_lesion_mask_is_said_and_taken_along(call, scans):
    mask = nib.load(scans / "lesion.nii.gz")
    empty = np.zeros(mask.shape, np.uint8)
    nib.Nifti1Image(empty, mask.affine).to_filename(scans / "lesion.nii.gz")
    outcome = preprocess(call, scans)
    assert outcome.code == 0
    assert "warning: the lesion mask of 'sub-01_T1w' is empty" in outcome.err
    assert not data(scans / "out" / "sub-01_label-lesion_mask.nii.gz").any()


def test_deterministic_runs_write_the_same_bytes_whatever_the_threads(call, scans):
    for out, threads in (("a", 1), ("b", 8)):
        words = ("--deterministic", "--threads", threads, "--transform", "syn")
        assert preprocess(call, scans, *words, out=out).code == 0
    names = sorted(p.name for p in (scans / "a").iterdir())
    assert any(n.endswith("xfm.nii.gz") for n in names)
    assert "sub-01_desc-preproc.json" in names
    for name in names:
        assert (scans / "a" / name).read_bytes() == (scans / "b" / name).read_bytes(), name


def test_existing_products_need_force_and_stale_ones_go(call, scans):
    assert preprocess(call, scans).code == 0
    outcome = preprocess(call, scans)
    assert outcome.code == 2
    assert "exists already" in outcome.err
    assert preprocess(call, scans, "--force", "--set", "reorient.axcodes=LAS").code == 0
    assert not list((scans / "out").glob("*space-orig*"))


def test_dry_run_lists_steps_and_makes_nothing(call, scans):
    outcome = preprocess(call, scans, "--dry-run", "--preset", "l2i", "--set", "n4.shrink=2")
    assert outcome.code == 0
    plan = json.loads(outcome.out)
    assert [s["step"] for s in plan["steps"]][:2] == ["skullstrip", "n4"]
    assert plan["steps"][1]["settings"]["shrink"] == 2
    assert not (scans / "out").exists()


def test_single_steps_instead_of_a_preset(call, scans):
    outcome = call(
        "preprocess",
        scans / "sub-01_T1w.nii.gz",
        "-o",
        scans / "out",
        "--steps",
        "skullstrip, clip",
    )
    assert outcome.code == 0, outcome.err
    assert {p.name for p in (scans / "out").glob("*.nii.gz")} == {
        "sub-01_desc-brain_mask.nii.gz",
        "sub-01_desc-preproc_T1w.nii.gz",
    }


def test_bad_input_is_a_sentence_and_leaves_nothing(call, scans, brain_grids):
    grid = brain_grids["RAS"]
    noise = np.random.default_rng(0).uniform(1, 100, grid.shape).astype(np.float32)
    save(scans / "noise.nii.gz", noise, grid.affine)
    save(scans / "empty.nii.gz", np.zeros(grid.shape, np.uint8), grid.affine)
    fixed = ("--template", scans / "template.nii.gz")
    ball = data(scans / "template.nii.gz") > 0
    save(scans / "ball.nii.gz", np.where(ball, 500, 0).astype(np.int16), grid.affine)
    cases = [
        (
            ("noise.nii.gz", "--steps", "register", *fixed, "--work", scans / "work"),
            65,
            "correlation with the template is",
        ),
        (("ball.nii.gz",), 65, "is no brain: its tissues differ by 0.000"),
        (
            ("sub-01_T1w.nii.gz", "--skullstrip", scans / "empty.nii.gz"),
            65,
            "its brain mask is empty",
        ),
        (("nothing.nii.gz",), 66, "does not exist"),
        (
            ("sub-01_T1w.nii.gz", "--skullstrip", "no/mask.nii.gz"),
            66,
            "'no/mask.nii.gz' does not exist",
        ),
        (("sub-01_T1w.nii.gz", "--template", "no.nii.gz"), 66, "'no.nii.gz' does not exist"),
        (
            (
                "sub-01_T1w.nii.gz",
                "--skullstrip",
                "hd-bet",
                "--weights",
                "/none",
            ),
            69,
            "'plans.json' in '/none'",
        ),
        (("sub-01_T1w.nii.gz", "--skullstrip", "nobody"), 2, "unknown stripper 'nobody'"),
        (("sub-01_T1w.nii.gz", "--steps", "skulstrip"), 2, "unknown step 'skulstrip'"),
    ]
    for (name, *more), code, sentence in cases:
        outcome = call("preprocess", scans / name, "-o", scans / "bad", *more)
        assert (outcome.code, sentence in outcome.err) == (code, True), (name, outcome)
        assert not (scans / "bad").exists() or not list((scans / "bad").iterdir())
    assert list((scans / "work").rglob("*.mat"))


def test_backends_and_steps_are_listed(call):
    assert "hd_bet" in call("list", "strippers").out
    assert "register" in call("list", "steps").out


# Carrying images.


@pytest.fixture
def done(call, scans):
    assert preprocess(call, scans, "--steps", "skullstrip,register").code == 0
    return scans


def transform(call, done, image, like, xfm, *more, out="moved.nii.gz"):
    path = done / "out" / f"sub-01_from-{xfm}_mode-image_xfm.txt"
    outcome = call("transform", image, "--like", like, "--transform", path, "-o", done / out, *more)
    assert outcome.code == 0, outcome.err
    return data(done / out), json.loads(
        (done / out).with_name(out.replace(".nii.gz", ".json")).read_text()
    )


def test_transform_does_what_preprocess_and_ants_did(call, done):
    t1, template = done / "sub-01_T1w.nii.gz", done / "template.nii.gz"
    brain = done / "out" / "sub-01_desc-preproc_T1w.nii.gz"
    moved, facts = transform(call, done, brain, template, "T1w_to-template", "--interp", "bspline")
    whole = data(done / "out" / f"sub-01_{SPACE}_desc-preproc_T1w.nii.gz")
    deep = ndimage.binary_erosion(whole > 0, iterations=3)  # the step removes what rings
    np.testing.assert_allclose(moved[deep], whole[deep], atol=2)
    assert facts["Interpolation"] == "bspline"
    xfm = str(done / "out" / "sub-01_from-T1w_to-template_mode-image_xfm.txt")
    theirs = ants.apply_transforms(
        ants.image_read(str(template)), ants.image_read(str(brain)), [xfm]
    )
    moved, facts = transform(call, done, brain, template, "T1w_to-template", "--force")
    np.testing.assert_allclose(moved, theirs.numpy(), atol=0.1)
    assert facts["Interpolation"] == "linear"
    back = transform(call, done, template, t1, "template_to-T1w", out="back.nii.gz")[0]
    inverse = transform(call, done, template, t1, "T1w_to-template", "--inverse", out="inv.nii.gz")[
        0
    ]
    np.testing.assert_allclose(back, inverse, atol=0.1)


def test_masks_and_label_maps_go_by_nearest_neighbour(call, done):
    template = done / "template.nii.gz"
    lesion = data(done / "lesion.nii.gz")
    moved, facts = transform(call, done, done / "lesion.nii.gz", template, "T1w_to-template")
    assert facts["InterpolationReason"] == "only 2 different whole numbers"
    assert set(np.unique(moved)) == {0, 1}
    assert moved.dtype.kind in "iu"
    smooth, facts = transform(
        call,
        done,
        done / "lesion.nii.gz",
        template,
        "T1w_to-template",
        "--interp",
        "distance",
        out="d.nii.gz",
    )
    assert facts["Interpolation"] == "distance"
    assert 2 * (smooth & moved.astype(bool)).sum() / (smooth.sum() + moved.sum()) > 0.8
    assert smooth.sum() == pytest.approx(lesion.sum(), rel=0.2)
    many = np.arange(lesion.size).reshape(lesion.shape) % 139
    save(done / "x_dseg.nii.gz", many.astype(np.int16), nib.load(done / "lesion.nii.gz").affine)
    moved, facts = transform(
        call, done, done / "x_dseg.nii.gz", template, "T1w_to-template", out="l.nii.gz"
    )
    assert facts["InterpolationReason"] == "whole numbers, and the name ends in _dseg"
    assert moved.dtype.kind in "iu"


def test_several_transforms_in_the_order_of_ants(call, done):
    t1 = done / "sub-01_T1w.nii.gz"
    there = done / "out" / "sub-01_from-T1w_to-template_mode-image_xfm.txt"
    back = done / "out" / "sub-01_from-template_to-T1w_mode-image_xfm.txt"
    out = done / "same.nii.gz"
    assert call("transform", t1, "--like", t1, "-t", back, "-t", there, "-o", out).code == 0
    assert np.abs(data(out) - data(t1)).max() < 0.5


def test_transforms_that_cannot_be_used(call, done):
    t1 = done / "sub-01_T1w.nii.gz"
    (done / "bad.txt").write_text("no transform")
    (done / "bad.foo").write_text("no transform")
    (done / "warp.nii.gz").write_bytes(b"")
    for name, more, code, sentence in (
        ("bad.txt", (), 65, "ANTs can"),
        ("bad.txt", ("--inverse",), 65, "ANTs can"),
        ("bad.foo", (), 2, "must end in one of"),
        ("none.txt", (), 66, "does not exist"),
        ("warp.nii.gz", ("--inverse",), 65, "an empty file"),
    ):
        outcome = call(
            "transform", t1, "--like", t1, "-t", done / name, "-o", done / "o.nii.gz", *more
        )
        assert (outcome.code, sentence in outcome.err) == (code, True), (name, outcome)
        assert not (done / "o.nii.gz").exists()
    outcome = call(
        *(
            "transform",
            t1,
            "--like",
            t1,
            "-t",
            done / "out" / "sub-01_from-T1w_to-template_mode-image_xfm.txt",
        ),
        *("-o", done / "o.nii.gz", "--interp", "distance"),
    )
    assert outcome.code == 65
    assert "expected a mask" in outcome.err


# The same in Python.


def test_the_python_interface(scans, tmp_path):
    found = brainfill.prepare(
        nib.load(scans / "sub-01_T1w.nii.gz"),
        scans / "lesion.nii.gz",
        steps=["skullstrip", "register"],
        template=scans / "template.nii.gz",
    )
    there = found.images[f"{SPACE}_desc-preproc_T1w.nii.gz"]
    name = "from-T1w_to-template_mode-image_xfm.txt"
    (tmp_path / name).write_bytes(found.transforms[name])
    moved = brainfill.transform(scans / "lesion.nii.gz", there, [tmp_path / name], interp="nearest")
    assert moved.shape == there.shape
    assert data(scans / "lesion.nii.gz").sum() == pytest.approx(
        np.asarray(moved.dataobj).sum(), rel=0.2
    )
    with pytest.raises(DataError, match="no brain"):
        brainfill.prepare(
            nib.Nifti1Image(
                np.where(np.asarray(there.dataobj) > 300, 9, 0).astype("i2"), there.affine
            )
        )
