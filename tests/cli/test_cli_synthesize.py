"""`brainfill synthesize` on a tiny head: what is written under which name, what is recorded, what is refused."""

import hashlib
import json

import nibabel as nib
import numpy as np
import pytest
from cli_files import AFFINE, save

from brainfill.bundles.store import Card, save_bundle
from brainfill.core.config import override
from brainfill.core.errors import DataError
from brainfill.models import memory3d
from brainfill.tasks import synthesize as task


@pytest.fixture
def flair(files, head):
    """A FLAIR of the head, as float32."""
    return save(files.folder / "sub-01_FLAIR.nii.gz", (head * 0.7).astype(np.float32))


@pytest.fixture
def paint(call, files, painter_models):
    """Calls the command on the scan with a tiny model on the processor; the output is out.nii.gz."""

    def run(*arguments, t1=files.t1, mask=files.mask, method="conditional"):
        options = ["-o", files.folder / "out.nii.gz", "--method", method, "--device", "cpu"]
        options += ["--model", painter_models[method]]
        return call("synthesize", t1, mask, *options, *arguments)

    return run


@pytest.fixture
def asked(monkeypatch):
    """Takes the place of the task, remembers what it was asked, and ends the run."""
    calls = []

    def run(scan, config, ctx):
        calls.append((scan, config, ctx))
        raise DataError("far enough")

    monkeypatch.setattr(task, "run", run)
    return calls


def listing(folder):
    return sorted(p.name for p in folder.iterdir())


def loaded(path):
    return np.asarray(nib.load(path).dataobj)


# What is written.


def test_scan_label_and_record_are_written(paint, files, lesion):
    outcome = paint()
    out = files.folder / "out.nii.gz"
    assert (outcome.code, outcome.out) == (0, f"{out}\n")
    assert listing(files.folder) == [
        "out.json",
        "out.nii.gz",
        "out_mask.nii.gz",
        "sub-01_T1w.nii.gz",
        "sub-01_mask.nii.gz",
    ]
    before, after = loaded(files.t1), loaded(out)
    np.testing.assert_array_equal(after[lesion == 0], before[lesion == 0])
    assert (after != before)[lesion > 0].mean() > 0.8
    assert after.dtype == before.dtype
    np.testing.assert_array_equal(loaded(files.folder / "out_mask.nii.gz"), lesion)
    np.testing.assert_array_equal(nib.load(out).affine, nib.load(files.t1).affine)


def test_two_contrasts_and_two_visits(paint, files, flair, lesion):
    folder = files.folder
    pair = ["--flair", flair, "--flair-out", folder / "fl.nii"]
    assert paint(*pair, "--grow", 1.5).code == 0
    names = {"fl.nii", "fl_followup.nii", "out.json", "out.nii.gz", "out_followup.nii.gz"}
    names |= {"out_mask.nii.gz", "out_followup_mask.nii.gz"}
    assert names == set(listing(folder)) - {p.name for p in (files.t1, files.mask, flair)}
    for ending in ("", "_followup"):
        label = loaded(folder / f"out{ending}_mask.nii.gz")
        for before, after in ((files.t1, f"out{ending}.nii.gz"), (flair, f"fl{ending}.nii")):
            changed = loaded(before) != loaded(folder / after)
            assert not changed[label == 0].any()
            assert changed[label > 0].mean() > 0.8
    grown = loaded(folder / "out_followup_mask.nii.gz")
    assert grown[lesion > 0].all()
    assert grown.sum() > lesion.sum()


def test_the_record(paint, files, flair, lesion):
    options = ["--flair", flair, "--flair-out", files.folder / "fl.nii.gz", "--seed", 5]
    outcome = paint(*options, "--set", "steps=3", "--shrink", 1, "--json", mask=grown_mask(files))
    facts = json.loads((files.folder / "out.json").read_text())
    inputs = [files.t1, files.folder / "grown.nii.gz", flair]
    assert facts["Sources"] == [str(p) for p in inputs]
    for path in inputs:
        assert facts["SourcesSHA256"][str(path)] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts["Synthetic"] is True
    assert facts["Contrasts"] == ["T1w", "FLAIR"]
    assert (facts["Method"], facts["Seed"], facts["Device"]) == ("conditional", 5, "cpu")
    assert (facts["Model"]["name"], facts["ModelLicence"]) == ("lesion-paint", "CC0")
    assert len(facts["Model"]["sha256"]) == 64
    assert (facts["Sampler"], facts["Steps"]) == ("ddim", 3)
    arguments = facts["BrainfillArguments"]
    assert (arguments["shrink"], arguments["contrast"]) == (1, "T1w")
    assert arguments["settings"] == {"grain": True, "sampler": "", "steps": 3}
    assert set(facts["VoxelsChanged"]) == {"T1w", "FLAIR", "T1w_followup", "FLAIR_followup"}
    assert facts["MaxAbsDifferenceOutsideMask"] == 0
    first, later = facts["Lesions"]
    assert (first["Visit"], later["Visit"]) == ("first", "followup")
    assert 0 < later["Voxels"] < first["Voxels"]
    assert first["VolumeML"] == pytest.approx(first["Voxels"] * 1.2 * 1.5 / 1000)
    assert set(first["BrightnessToSurroundings"]) == {"T1w", "FLAIR"}
    assert facts["Warnings"] == []
    summary = json.loads(outcome.out)
    outputs = summary.pop("Outputs")
    assert summary == facts
    assert outputs["FLAIR_followup"] == str(files.folder / "fl_followup.nii.gz")
    assert outputs["sidecar"] == str(files.folder / "out.json")


def test_the_same_bytes_over_threads(paint, files, head):
    dark = save(files.folder / "float_T1w.nii.gz", head.astype(np.float32))
    written = []
    for n in (1, 2, 8):
        outcome = paint("--deterministic", "--threads", n, "--force", "--grow", 1, t1=dark)
        assert outcome.code == 0, outcome.err
        written.append({p.name: p.read_bytes() for p in files.folder.glob("out*")})
    assert {"out.nii.gz", "out_followup.nii.gz", "out_mask.nii.gz", "out.json"} <= set(written[0])
    assert written[1:] == [written[0]] * 2
    assert "threads" not in json.loads(written[0]["out.json"])["BrainfillArguments"]


def grown_mask(files):
    """A lesion that something is left of when it shrinks."""
    where = np.zeros((20, 18, 16), np.uint8)
    where[8:12, 7:11, 7:10] = 1
    return save(files.folder / "grown.nii.gz", where)


def test_rough_painters_say_where_they_began(paint, files):
    assert paint("--set", "t0=2", "--set", "brightness=0.5", method="coarse").code == 0
    facts = json.loads((files.folder / "out.json").read_text())
    [lesions] = facts["Lesions"]
    assert set(lesions["StartSteps"]) <= {1, 2}
    assert facts["BrainfillArguments"]["settings"]["brightness"] == 0.5


def test_the_contrast_asked_for_is_in_the_file(paint, files):
    assert paint("--lesion-contrast", 0.6).code == 0
    [lesions] = json.loads((files.folder / "out.json").read_text())["Lesions"]
    assert lesions["BrightnessToSurroundings"]["T1w"] == pytest.approx(0.6, rel=1e-5)
    shown, where = loaded(files.folder / "out.nii.gz"), loaded(files.mask) > 0
    # Around 600, in whole numbers.
    assert np.median(shown[where]) == pytest.approx(0.6 * 600, abs=6)


def test_a_flair_alone(paint, files, flair):
    assert paint("--contrast", "FLAIR", t1=flair).code == 0
    facts = json.loads((files.folder / "out.json").read_text())
    assert facts["Contrasts"] == ["FLAIR"]
    assert loaded(files.folder / "out.nii.gz").dtype == np.float32


def test_same_input_same_bytes(call, files, painter_models):
    for name in ("a.nii.gz", "b.nii.gz"):
        options = ["-o", files.folder / name, "--model", painter_models["conditional"]]
        assert call("synthesize", files.t1, files.mask, *options, "--device", "cpu").code == 0
    for ending in (".nii.gz", "_mask.nii.gz"):
        one, other = ((files.folder / f"{n}{ending}").read_bytes() for n in "ab")
        assert one == other


def test_stages_and_what_was_painted_on_stderr(paint):
    err = paint("-v").err.splitlines()
    assert err[0] == "reading"
    assert "painting" in err
    assert err[-1].startswith(
        "first visit: painted 2 lesions, 0.02 ml, brightness to surroundings {"
    )
    assert paint("-q", "--force").err == ""


# What reaches the task, and a dry run.


def test_every_option_reaches_the_task(call, files, flair, asked):
    call(
        *("synthesize", files.t1, files.mask, "-o", files.folder / "x.nii", "--contrast", "T1w"),
        *("--flair", flair, "--flair-out", files.folder / "f.nii", "--method", "guided"),
        *("--lesion-contrast", 0.7, "--model", "some/folder", "--grow", 2, "--set", "repeats=4"),
        *("--seed", 11, "--threads", 3, "--device", "cpu"),
    )
    scan, config, ctx = asked[0]
    assert list(scan.images) == ["T1w", "FLAIR"]
    assert config == task.SynthesizeConfig(
        method="guided",
        contrast="T1w",
        lesion_contrast=0.7,
        model="some/folder",
        grow=2.0,
        settings=("repeats=4",),
    )
    assert (ctx.seed, ctx.threads, ctx.device) == (11, 3, "cpu")


def test_dry_run_shows_what_would_be_done_and_does_nothing(paint, files, flair, asked):
    before = listing(files.folder)
    outcome = paint(
        *("--flair", flair, "--flair-out", files.folder / "f.nii.gz", "--grow", 2, "--dry-run")
    )
    assert (outcome.code, outcome.err, asked) == (0, "", [])
    plan = json.loads(outcome.out)
    assert plan["inputs"] == [str(p) for p in (files.t1, files.mask, flair)]
    assert {k: v.rpartition("/")[2] for k, v in plan["outputs"].items()} == {
        "T1w": "out.nii.gz",
        "FLAIR": "f.nii.gz",
        "mask": "out_mask.nii.gz",
        "T1w_followup": "out_followup.nii.gz",
        "FLAIR_followup": "f_followup.nii.gz",
        "mask_followup": "out_followup_mask.nii.gz",
        "sidecar": "out.json",
    }
    assert (plan["options"]["grow"], plan["options"]["seed"]) == (2, 0)
    assert plan["settings"]["grain"] is True
    assert listing(files.folder) == before


# Where it may write.


@pytest.mark.parametrize("name", ["out.nii.gz", "out_mask.nii.gz", "out.json"])
def test_an_existing_output_needs_force(paint, files, name):
    (files.folder / name).write_text("mine")
    outcome = paint()
    assert (outcome.code, (files.folder / name).read_text()) == (2, "mine")
    assert "exists already" in outcome.err
    assert paint("--force").code == 0
    assert (files.folder / name).read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--flair", "{flair}"], "--flair is given without --flair-out"),
        (["--flair-out", "{folder}/f.nii.gz"], "--flair-out is given without --flair"),
        (["--flair", "{flair}", "--flair-out", "{folder}/out.nii.gz"], "two outputs have the name"),
        (["--flair", "{flair}", "--flair-out", "{flair}"], "would replace the input"),
        (["--flair", "{flair}", "--flair-out", "{folder}/f.png"], "f.png"),
        (
            ["--contrast", "FLAIR", "--flair", "{flair}", "--flair-out", "{folder}/f.nii"],
            "IMAGE is taken to be FLAIR as well",
        ),
        (["--grow", 1, "--shrink", 1], "cannot grow by 1 mm and shrink by 1 mm"),
        (["--contrast", "T2w"], "contrast"),
        (["--lesion-contrast", 99], "lesion-contrast"),
        (["--set", "grains=1"], "unknown setting 'grains'"),
        (["--set", "model=x"], "write --model"),
    ],
)
@pytest.mark.parametrize("dry", [True, False])
def test_wrong_use_is_refused_before_anything_is_read(
    paint, files, flair, asked, options, words, dry
):
    names = {"flair": flair, "folder": files.folder}
    filled = [o.format(**names) if isinstance(o, str) else o for o in options]
    before = listing(files.folder)
    outcome = paint(*filled, *(["--dry-run"] if dry else []))
    assert (outcome.code, outcome.out, asked) == (2, "", [])
    assert words in outcome.err
    assert listing(files.folder) == before


def test_unknown_methods_are_named(call, files):
    outcome = call(
        *("synthesize", files.t1, files.mask, "-o", files.folder / "x.nii", "--method", "coarce")
    )
    assert outcome.code == 2
    assert "unknown painter 'coarce'; known: coarse, conditional, guided" in outcome.err


# Input that cannot be used.


def moved_flair(files, head):
    save(files.folder / "f.nii.gz", head, AFFINE + np.diag([0.0, 0, 0.5, 0]))


def shorter_flair(files, head):
    save(files.folder / "f.nii.gz", head[:-2])


@pytest.mark.parametrize("spoil", [moved_flair, shorter_flair])
def test_a_flair_on_another_grid(paint, files, head, spoil):
    spoil(files, head)
    before = listing(files.folder)
    outcome = paint(
        *("--flair", files.folder / "f.nii.gz", "--flair-out", files.folder / "g.nii.gz", "-q")
    )
    assert (outcome.code, outcome.out) == (65, "")
    message, hint = outcome.err.splitlines()
    assert "f.nii.gz' does not lie on the grid of" in message
    assert "sub-01_T1w.nii.gz': found shape (" in message
    assert "LAS from (10, -12, -9) mm" in message
    assert "brainfill preprocess T1 --flair FLAIR" in hint
    assert listing(files.folder) == before


def empty(lesion):
    return lesion * 0


def off_the_head(lesion):
    corner = lesion * 0
    corner[:2, :2, :2] = 1
    return corner


def nearly_all(lesion):
    return lesion * 0 + 1


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (empty, "the lesion mask of 'sub-01_T1w' is empty"),
        (off_the_head, "none of the 8 voxels of the lesion mask lies in the head"),
        (nearly_all, "of the head of 'sub-01_T1w', expected at most 50 %"),
    ],
)
def test_masks_that_cannot_be_meant(paint, files, lesion, spoil, words):
    save(files.mask, spoil(lesion))
    before = listing(files.folder)
    outcome = paint("-q")
    assert (outcome.code, outcome.out) == (65, "")
    assert words in outcome.err
    assert "hint: " in outcome.err
    assert listing(files.folder) == before


def test_lesions_that_shrink_to_nothing(paint, files):
    outcome = paint("--shrink", 5)
    assert outcome.code == 65
    assert "nothing is left of the lesions of 'sub-01_T1w' shrunk by 5 mm" in outcome.err


def test_a_missing_flair(paint, files):
    outcome = paint("--flair", files.folder / "no.nii", "--flair-out", files.folder / "g.nii")
    assert outcome.code == 66
    assert "no.nii' does not exist" in outcome.err


@pytest.mark.parametrize(
    ("method", "model", "code", "words"),
    [
        ("conditional", "coarse", 2, "is of the wrong kind: one is needed that paints lesions"),
        ("guided", "conditional", 2, "is of the wrong kind: one is needed that redraws"),
        ("conditional", "t1-fill", 2, "model 't1-fill' is of the wrong kind"),
        ("conditional", "brain-mask", 2, "'brain-mask' is of the wrong kind: it finds the class"),
        ("coarse", "lesion-redrawn", 69, "no model 'lesion-redrawn'"),
    ],
)
def test_models_that_cannot_paint_so(call, files, painter_models, method, model, code, words):
    before = listing(files.folder)
    options = ["-o", files.folder / "out.nii.gz", "--method", method, "--device", "cpu"]
    options += ["--model", painter_models.get(model, model)]
    outcome = call("synthesize", files.t1, files.mask, *options)
    assert (outcome.code, outcome.out) == (code, "")
    assert words in outcome.err
    assert listing(files.folder) == before


@pytest.fixture
def t1_painter(tmp_path):
    """A model that paints into T1w alone."""
    model = memory3d.build(override(memory3d.PRESETS["tiny"], ["first_fill=harmonic"]))
    card = Card(name="t1-only", family="memory3d", lesions={"T1w": {"median": 0.6}})
    save_bundle(tmp_path / "t1-only", model, dict(model.net.named_parameters()), card, "")
    return tmp_path / "t1-only"


def test_a_contrast_the_model_does_not_know(paint, files, flair, t1_painter):
    outcome = paint("--contrast", "FLAIR", "--model", t1_painter, t1=flair)
    assert outcome.code == 2
    assert "t1-only' does not know the contrast FLAIR; it knows T1w" in outcome.err
    assert not (files.folder / "out.nii.gz").exists()


def test_a_painter_is_not_taken_for_a_model_that_fills(call, files, painter_models, t1_painter):
    models = {painter_models["coarse"]: "T1w, FLAIR", t1_painter: "T1w"}
    for model, contrasts in models.items():
        outcome = call("fill", files.t1, files.mask, "--model", model, "--device", "cpu")
        assert outcome.code == 2
        assert f"is of the wrong kind: it paints lesions ({contrasts}), and one" in outcome.err
    assert not list(files.folder.glob("*filled*"))


# When something fails on the way.


@pytest.mark.parametrize("name", ["write_sidecar", "write_map"])
def test_a_failing_write_leaves_none_of_the_outputs(paint, files, flair, monkeypatch, name):
    from brainfill.io import nifti, sidecar

    def full(*_):
        raise OSError(28, "No space left on device")

    module = sidecar if name == "write_sidecar" else nifti
    monkeypatch.setattr(module, name, full)
    before = listing(files.folder)
    outcome = paint("--flair", flair, "--flair-out", files.folder / "fl.nii.gz", "--grow", 1.5)
    assert (outcome.code, "space" in outcome.err or "full" in outcome.err) == (2, True)
    assert listing(files.folder) == before


def test_a_failing_task_leaves_nothing(paint, files, asked):
    before = listing(files.folder)
    assert paint().code == 65
    assert listing(files.folder) == before


def test_interruption_while_painting_leaves_nothing(paint, files, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("brainfill.tasks.synthesize._painted", interrupt)
    before = listing(files.folder)
    assert paint().code == 130
    assert listing(files.folder) == before
