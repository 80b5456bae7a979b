"""`brainfill fill` on a tiny head: what reaches the task, what is written, what is said where."""

import hashlib
import json
import os

import nibabel as nib
import numpy as np
import pytest
from cli_files import save

from brainfill.core.errors import DataError
from brainfill.tasks import fill as task

LOCALMEAN = ("--method", "localmean")


@pytest.fixture
def asked(monkeypatch):
    """Takes the place of the task, remembers what it was asked, and ends the run."""
    calls = []

    def run(scan, config, ctx, companions=()):
        calls.append((scan, config, ctx))
        raise DataError("far enough")

    monkeypatch.setattr(task, "run", run)
    return calls


def listing(folder):
    return sorted(p.name for p in folder.iterdir())


def loaded(path):
    return np.asarray(nib.load(path).dataobj)


# What is written.


def test_the_lesion_is_filled_and_nothing_else_changes(call, files, lesion):
    outcome = call("fill", files.t1, files.mask, *LOCALMEAN, "--dilate", 0)
    out = files.folder / "sub-01_T1w_filled.nii.gz"
    assert (outcome.code, outcome.out) == (0, f"{out}\n")
    before, after = loaded(files.t1), loaded(out)
    np.testing.assert_array_equal(after[lesion == 0], before[lesion == 0])
    assert np.abs(after[lesion > 0].astype(int) - 600).max() < 60
    assert listing(files.folder) == [
        "sub-01_T1w.nii.gz",
        "sub-01_T1w_filled.json",
        "sub-01_T1w_filled.nii.gz",
        "sub-01_mask.nii.gz",
    ]


def test_deterministic_runs_write_the_same_bytes(call, files):
    contents = []
    for _ in range(2):
        assert (
            call("fill", files.t1, files.mask, *LOCALMEAN, "--deterministic", "--force").code == 0
        )
        contents.append({p.name: p.read_bytes() for p in files.folder.glob("*_filled.*")})
    assert len(contents[0]) == 2
    assert contents[0] == contents[1]


def test_the_record_beside_the_output(call, files):
    out = files.folder / "x.nii"
    assert call("fill", files.t1, files.mask, "-o", out, *LOCALMEAN, "--seed", 5).code == 0
    facts = json.loads((files.folder / "x.json").read_text())
    assert facts["Sources"] == [str(files.t1), str(files.mask)]
    for path in (files.t1, files.mask):
        assert facts["SourcesSHA256"][str(path)] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts["Method"], facts["Seed"], facts["Device"]) == ("localmean", 5, "cpu")
    assert (facts["LesionCount"], facts["LesionVoxels"]) == (2, 10)
    assert facts["LesionVolumeML"] == pytest.approx(10 * 1.2 * 1.5 / 1000)
    assert facts["FilledVoxels"] == 10 + facts["Rim"]["VoxelsFilled"]
    assert facts["Rim"]["VoxelsJudged"] > 10
    assert 10 <= facts["VoxelsChanged"] <= facts["FilledVoxels"]
    assert facts["MaxAbsDifferenceOutsideMask"] == 0
    assert facts["IntensityRangeInput"] == [0, float(loaded(files.t1).max())]
    assert facts["Warnings"] == []
    assert facts["BrainfillArguments"]["dilate"] == "auto"
    assert facts["RuntimeSeconds"] >= 0
    assert {"numpy", "nibabel", "torch"} <= set(facts["Versions"])
    assert facts["SpatialReference"] == "orig"


def test_the_hole_is_what_was_filled(call, files, lesion):
    hole = files.folder / "hole.nii.gz"
    assert call("fill", files.t1, files.mask, *LOCALMEAN, "--dilate", 1, "--hole", hole).code == 0
    facts = json.loads((files.folder / "sub-01_T1w_filled.json").read_text())
    assert loaded(hole).sum() == facts["FilledVoxels"] > lesion.sum()
    changed = loaded(files.t1) != loaded(files.folder / "sub-01_T1w_filled.nii.gz")
    assert loaded(hole)[changed].all()


def test_labels_come_with_a_table(call, files):
    labels = files.folder / "lesions.nii.gz"
    assert call("fill", files.t1, files.mask, *LOCALMEAN, "--labels", labels).code == 0
    assert np.bincount(loaded(labels).ravel()).tolist()[1:] == [8, 2]
    header, *rows = (files.folder / "lesions.tsv").read_text().splitlines()
    assert header.split("\t")[:3] == ["label", "voxels", "volume_ml"]
    assert [row.split("\t")[:2] for row in rows] == [["1", "8"], ["2", "2"]]


def test_json_summary_on_stdout(call, files):
    outcome = call("fill", files.t1, files.mask, *LOCALMEAN, "--json")
    summary = json.loads(outcome.out)
    image, sidecar = (files.folder / f"sub-01_T1w_filled.{end}" for end in ("nii.gz", "json"))
    assert summary.pop("Outputs") == {"image": str(image), "sidecar": str(sidecar)}
    assert summary == json.loads(sidecar.read_text())


def test_same_input_same_bytes(call, files):
    for name in ("a.nii.gz", "b.nii.gz"):
        assert call("fill", files.t1, files.mask, "-o", files.folder / name, *LOCALMEAN).code == 0
    assert (files.folder / "a.nii.gz").read_bytes() == (files.folder / "b.nii.gz").read_bytes()


def test_mgz_in_and_out(call, files, head, lesion):
    t1 = save(files.folder / "t.mgz", head, cls=nib.MGHImage)
    assert call("fill", t1, files.mask, *LOCALMEAN).out.endswith("t_filled.nii.gz\n")
    assert call("fill", t1, files.mask, "-o", files.folder / "u.mgz", *LOCALMEAN).code == 0
    np.testing.assert_array_equal(loaded(files.folder / "u.mgz")[8:10, 8:10, 7:9].shape, (2, 2, 2))
    outside = loaded(files.folder / "u.mgz")[lesion == 0] == head[lesion == 0]
    assert outside.mean() > 0.98  # all but the dilation ring


# Ways to say the same.


@pytest.mark.parametrize(
    "form",
    [
        ("{t1}", "{mask}", "-o", "{out}"),
        ("-i", "{t1}", "-l", "{mask}", "-o", "{out}"),
        ("-i", "{t1}", "-m", "{mask}", "--out", "{out}"),
        ("--input", "{t1}", "--lesion-mask", "{mask}", "-o", "{out}"),
        ("{t1}", "--mask", "{mask}", "-o", "{out}"),
        ("-i", "{t1}", "{mask}", "-o", "{out}"),
    ],
    ids=" ".join,
)
def test_forms(call, files, asked, form):
    words = {"t1": files.t1, "mask": files.mask, "out": files.folder / "x.nii"}
    call("fill", *(word.format(**words) for word in form), *LOCALMEAN)
    scan, _, _ = asked[0]
    assert scan.subject == "sub-01_T1w"
    assert scan.lesion.data.sum() == 10


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        (("a", "b", "-i", "c"), "more inputs than expected: 'b'"),
        (("a", "b", "-l", "c"), "more inputs than expected: 'b'"),
        (("a", "-l", "b", "-m", "c"), "expected one mask, found 'b' and 'c'"),
        (("-i", "a", "-i", "b", "c"), "expected one T1, found 'a' and 'b'"),
        (("a",), "expected one mask, found none"),
        ((), "expected one T1, found none"),
    ],
)
def test_contradictions(call, form, sentence):
    outcome = call("fill", *form)
    assert (outcome.code, outcome.out) == (2, "")
    assert sentence in outcome.err


def test_every_option_reaches_the_task(call, files, asked):
    call(
        *("fill", files.t1, files.mask, "--method", "diffusion", "--dilate", 3, "--no-feather"),
        *("--samples", 4, "--aggregate", "median", "--sd", files.folder / "sd.nii.gz"),
        *("--sampler", "heun", "--steps", 7, "--model", "some/folder", "--set", "margin_mm=20"),
        *("--set", "batch=2", "--seed", 11, "--threads", 3, "--device", "cpu"),
    )
    _, config, ctx = asked[0]
    assert config == task.FillConfig(
        method="diffusion",
        dilate=3,
        feather=False,
        samples=4,
        aggregate="median",
        sd=True,
        sampler="heun",
        steps=7,
        model="some/folder",
        settings=("margin_mm=20", "batch=2"),
    )
    assert (ctx.seed, ctx.threads, ctx.device) == (11, 3, "cpu")
    settings = task.filler_config(config)
    assert (settings.steps, settings.margin_mm, settings.batch) == (7, 20, 2)


# A dry run.


def test_dry_run_shows_where_values_come_from_and_does_nothing(call, files, asked):
    before = listing(files.folder)
    outcome = call(
        *("fill", files.t1, files.mask, "--dilate", 2, "--set", "margin_mm=20", "--dry-run")
    )
    assert (outcome.code, outcome.err, asked) == (0, "", [])
    assert '    "dilate": {"value": 2.0, "origin": "flag"},\n' in outcome.out
    plan = json.loads(outcome.out)
    assert plan["options"]["dilate"] == {"value": 2, "origin": "flag"}
    assert plan["options"]["seed"] == {"value": 0, "origin": "default"}
    assert plan["settings"]["margin_mm"] == {"value": 20, "origin": "set"}
    assert plan["settings"]["batch"]["origin"] == "default"
    assert plan["outputs"]["image"] == str(files.folder / "sub-01_T1w_filled.nii.gz")
    assert listing(files.folder) == before


def test_dry_run_still_wants_the_inputs(call, files):
    outcome = call("fill", files.folder / "none.nii", files.mask, "--dry-run")
    assert (outcome.code, outcome.out) == (66, "")
    assert "none.nii' does not exist" in outcome.err


# What stderr shows.


def test_stages_as_plain_lines(call, files):
    err = call("fill", files.t1, files.mask, *LOCALMEAN).err
    assert err.splitlines()[0] == "reading"
    assert err.splitlines()[-1] == "writing"
    assert "\x1b" not in err
    assert len(set(err.splitlines())) == len(err.splitlines())


def test_quiet_and_verbose(call, files):
    assert call("fill", files.t1, files.mask, *LOCALMEAN, "-q").err == ""
    last = call("fill", files.t1, files.mask, *LOCALMEAN, "-v", "--force").err.splitlines()[-1]
    assert last.startswith("filled 2 lesions, 0.02 ml, on cpu; ")
    outcome = call("fill", files.t1, files.mask, *LOCALMEAN, "-v", "-q", "--force")
    assert (outcome.code, "contradict" in outcome.err) == (2, True)


def test_a_warning_is_said_once_and_recorded(call, files, lesion):
    mask = save(files.folder / "m.nii", lesion * np.float32(0.8))
    outcome = call("fill", files.t1, mask, *LOCALMEAN, "-q")
    assert outcome.code == 0
    assert outcome.err.count("warning: ") == 1
    facts = json.loads((files.folder / "sub-01_T1w_filled.json").read_text())
    assert outcome.err == f"warning: {facts['Warnings'][0]}\n"


# Where it may write.


def test_an_existing_output_needs_force(call, files):
    out = files.folder / "sub-01_T1w_filled.nii.gz"
    out.write_text("mine")
    outcome = call("fill", files.t1, files.mask, *LOCALMEAN)
    assert (outcome.code, out.read_text()) == (2, "mine")
    assert "exists already" in outcome.err
    assert "--force" in outcome.err
    assert call("fill", files.t1, files.mask, *LOCALMEAN, "--force").code == 0
    assert loaded(out).shape == (20, 18, 16)


def test_every_other_output_needs_force_too(call, files):
    for name in ("x.json", "l.tsv"):
        (files.folder / name).write_text("mine")
        outcome = call(
            *("fill", files.t1, files.mask, "-o", files.folder / "x.nii", *LOCALMEAN),
            *("--labels", files.folder / "l.nii"),
        )
        assert outcome.code == 2
        assert name in outcome.err
        (files.folder / name).unlink()


@pytest.mark.parametrize("name", ["sub-01_T1w.nii.gz", "sub-01_mask.nii.gz", "sub-01_T1w.nii"])
def test_inputs_and_their_records_are_never_replaced(call, files, name):
    (files.folder / "sub-01_T1w.json").write_text("the scanner's")
    outcome = call(
        *("fill", files.t1, files.mask, "-o", files.folder / "." / name, *LOCALMEAN, "--force")
    )
    assert outcome.code == 2
    assert "would replace the input" in outcome.err


def test_two_outputs_of_one_name(call, files):
    out = files.folder / "x.nii"
    outcome = call("fill", files.t1, files.mask, "-o", out, "--labels", out, *LOCALMEAN)
    assert (outcome.code, "two outputs" in outcome.err) == (2, True)


@pytest.mark.parametrize("out", ["none/x.nii.gz", "x.png", "folder.nii"])
def test_impossible_outputs_are_refused_before_the_run(call, files, asked, out):
    (files.folder / "folder.nii").mkdir()
    outcome = call("fill", files.t1, files.mask, "-o", files.folder / out, *LOCALMEAN)
    assert (outcome.code, asked) == (2, [])
    assert out in outcome.err


def test_a_failing_write_leaves_none_of_the_outputs(call, files, monkeypatch):
    from brainfill.io import tables

    def full(rows, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables, "write_table", full)
    before = listing(files.folder)
    outcome = call("fill", files.t1, files.mask, *LOCALMEAN, "--labels", files.folder / "l.nii")
    assert outcome.code == 2
    assert "error: cannot write a file: No space left on device" in outcome.err
    assert listing(files.folder) == before


def test_interruption_while_writing_leaves_nothing(call, files, monkeypatch):
    from brainfill.io import sidecar

    def interrupt(facts, path):
        raise KeyboardInterrupt

    monkeypatch.setattr(sidecar, "write_sidecar", interrupt)
    before = listing(files.folder)
    assert call("fill", files.t1, files.mask, *LOCALMEAN).code == 130
    assert listing(files.folder) == before


# Options that do not fit.


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--steps", "5"), 2, "--steps means nothing to the method 'localmean'"),
        (("--model", "x"), 2, "--model means nothing"),
        (("--device", "cuda"), 2, "--device cuda means nothing"),
        (("--set", "nonsense=1"), 2, "unknown setting 'nonsense'"),
        (("--set", "nonsense"), 2, "has no '='"),
        (("--set", "steps=3"), 2, "write --steps"),
        (("--sd", "sd.nii"), 2, "--sd needs --samples of at least 2"),
        (("--method", "localmeen"), 2, "did you mean 'localmean'?"),
        (("--method", "diffusion", "--device", "abacus"), 69, "unknown device 'abacus'"),
        (("--aggregate", "mode"), 2, "aggregate"),
        (("--dilate", "-1"), 2, "dilate"),
        (("--label", "7"), 65, "no label 7"),
    ],
)
def test_refused(call, files, options, code, sentence):
    before = listing(files.folder)
    outcome = call("fill", files.t1, files.mask, *LOCALMEAN, *options)
    assert (outcome.code, outcome.out) == (code, "")
    assert sentence in outcome.err
    assert listing(files.folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(call, files):
    files.folder.chmod(0o500)
    assert "not writable" in call("fill", files.t1, files.mask, *LOCALMEAN).err
