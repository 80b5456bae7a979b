"""`brainfill bids` on a tiny dataset: outputs, records, what is redone, and the table of the group."""

import contextlib
import gzip
import io
import json
import os
import shutil
import sys

import nibabel as nib
import numpy as np
import pytest
from bids_cases import left_over, lesion, make_dataset, make_person, save

from brainfill import __version__
from brainfill.cli import app
from brainfill.io.tables import read_table

FAST = ("--method", "localmean", "--omp-nthreads", "1", "--no-report")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A dataset of three people, one with an empty mask, and the results for them."""
    folder = tmp_path_factory.mktemp("bids")
    raw = make_dataset(folder / "raw")
    make_person(raw, "03", empty=True, session="x")
    words = ["bids", str(raw), str(folder / "out"), "participant", "--steps", "fill,smooth"]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()):
        patch.setattr(sys, "argv", ["brainfill", *words, "--n-procs", "2", *FAST])
        with pytest.raises(SystemExit) as stop:
            app.main()
    assert not stop.value.code
    return folder


@pytest.fixture
def done(first, tmp_path):
    """A copy of it that a test may change; paths inside are relative, times are kept."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def bids(call):
    """Run `brainfill bids` on the dataset in a folder."""

    def run(folder, *more, level="participant"):
        return call("bids", folder / "raw", folder / "out", level, *(FAST + more))

    return run


def data(path):
    return np.asarray(nib.load(path).dataobj)


def times(out):
    return {p: p.stat().st_mtime_ns for p in out.rglob("*.nii.gz")}


def test_the_scan_is_filled_where_the_mask_is_and_nowhere_else(first):
    before = data(first / "raw/sub-01/anat/sub-01_T1w.nii.gz")
    home = first / "out/sub-01/anat"
    after = data(home / "sub-01_desc-filled_T1w.nii.gz")
    hole = data(home / "sub-01_desc-filled_mask.nii.gz") > 0
    assert np.array_equal(after[~hole], before[~hole])
    assert after[lesion() > 0].min() > 500
    assert np.array_equal(data(home / "sub-01_label-lesion_mask.nii.gz"), lesion())
    assert data(home / "sub-01_desc-lesions_dseg.nii.gz").max() == 1


def test_sidecars_and_descriptions_are_those_of_bids(first):
    out = first / "out"
    sidecar = json.loads((out / "sub-01/anat/sub-01_desc-filled_T1w.json").read_text())
    lesions = "bids::sub-01/anat/sub-01_label-lesion_mask.nii.gz"
    assert sidecar["Sources"] == ["bids:raw:sub-01/anat/sub-01_T1w.nii.gz", lesions]
    assert sidecar["SpatialReference"] == "orig"
    assert sidecar["SkullStripped"] is False
    assert sidecar["Method"] == "localmean"
    assert str(first) not in json.dumps(sidecar)
    about = json.loads((out / "dataset_description.json").read_text())
    assert about["DatasetType"] == "derivative"
    assert about["GeneratedBy"] == [{"Name": "brainfill", "Version": __version__}]
    assert about["DatasetLinks"] == {"raw": "../raw"}
    assert "localmean" in (out / "logs/CITATION.md").read_text()
    (row,) = read_table(out / "sub-01/anat/sub-01_desc-lesions_dseg.tsv")
    assert (row["index"], row["name"], row["voxels"]) == ("1", "lesion 1", "8")


def test_a_scan_without_lesions_is_copied_and_says_so(first):
    raw = first / "raw/sub-03/ses-x/anat/sub-03_ses-x_T1w.nii.gz"
    home = first / "out/sub-03/ses-x/anat"
    for name in ("filled", "smoothed"):
        assert np.array_equal(data(home / f"sub-03_ses-x_desc-{name}_T1w.nii.gz"), data(raw))
    sidecar = json.loads((home / "sub-03_ses-x_desc-filled_T1w.json").read_text())
    assert sidecar["Warnings"] == ["the lesion mask is empty: the scan was copied"]


def test_nothing_unfinished_and_a_log_per_person(first):
    assert left_over(first / "out") == []
    (log,) = (first / "out/logs").glob("sub-01_*.log")
    assert "$ python -m brainfill fill " in log.read_text()


def test_again_nothing_is_done(done, bids, monkeypatch):
    before = times(done / "out")
    monkeypatch.setattr("subprocess.Popen", None)
    outcome = bids(done, "--steps", "fill,smooth")
    assert outcome.code == 0
    assert "3 scans: 3 done before" in outcome.err
    assert outcome.out.count("_desc-smoothed_T1w.nii.gz") == 3
    assert times(done / "out") == before


def test_a_file_of_another_time_and_the_same_content_is_no_other(done, bids):
    image = done / "raw/sub-01/anat/sub-01_T1w.nii.gz"
    os.utime(image, (1e9, 1e9))
    words = ("--steps", "fill,smooth", "--participant-label", "01")
    assert "sub-01: kept" in bids(done, *words).err
    record = json.loads((done / "out/logs/sub-01.json").read_text())
    assert record["Inputs"][str(image)]["mtime_ns"] == 10**18
    assert record["Status"] == "done"


def test_only_what_changed_is_redone(done, bids):
    make = make_person(done / "raw", "02")
    save(make / "sub-02_label-tumor_mask.nii.gz", np.roll(lesion(), 3, axis=0))
    before = times(done / "out")
    outcome = bids(done, "--steps", "fill,smooth")
    assert outcome.code == 0
    assert "sub-01: kept" in outcome.err
    assert "3 scans: 2 done before, 1 done" in outcome.err
    changed = {p for p, t in times(done / "out").items() if before.get(p) != t}
    assert {p.name.split("_")[0] for p in changed} == {"sub-02"}
    assert data(done / "out/sub-02/anat/sub-02_label-lesion_mask.nii.gz").sum() == 16


def test_another_option_redoes_the_step_and_takes_back_what_came_of_it(done, bids):
    smoothed = done / "out/sub-01/anat/sub-01_desc-smoothed_T1w.nii.gz"
    assert smoothed.exists()
    outcome = bids(done, "--dilate", "2", "--participant-label", "sub-01")
    assert outcome.code == 0
    assert "1 scan: 1 done" in outcome.err
    assert not smoothed.exists()
    assert smoothed.with_name("sub-01_desc-filled_T1w.nii.gz").exists()
    record = json.loads((done / "out/logs/sub-01.json").read_text())
    assert list(record["Steps"]) == ["lesion", "fill"]


def test_an_output_that_was_removed_is_made_again(done, bids):
    gone = done / "out/sub-01/anat/sub-01_desc-filled_mask.nii.gz"
    gone.unlink()
    assert bids(done, "--steps", "fill,smooth", "--participant-label", "01").code == 0
    assert gone.exists()


@pytest.mark.parametrize(
    ("choice", "code", "status"), [("skip", 0, "skipped"), ("fail", 75, "failed")]
)
def test_an_empty_mask_otherwise(tmp_path, bids, choice, code, status):
    raw = make_dataset(tmp_path / "raw", labels=())
    make_person(raw, "03", empty=True)
    outcome = bids(tmp_path, "--on-empty", choice)
    assert outcome.code == code
    sentence = f"sub-03: {status}: the lesion mask of 'sub-03_T1w.nii.gz' is empty"
    assert sentence in outcome.err or f"sub-03: {status}" in outcome.err
    assert not (tmp_path / "out/sub-03/anat/sub-03_desc-filled_T1w.nii.gz").exists()
    record = json.loads((tmp_path / "out/logs/sub-03.json").read_text())
    assert (record["Status"], record["Message"][:24]) == (status, "the lesion mask of 'sub-")


def test_one_person_failing_leaves_the_rest_done(tmp_path, bids):
    raw = make_dataset(tmp_path / "raw", labels=("01", "02", "03", "04"))
    image = raw / "sub-01/anat/sub-01_T1w.nii.gz"
    image.write_bytes(image.read_bytes()[:500])  # cut short
    (raw / "sub-02/anat/sub-02_label-lesion_roi.nii.gz").unlink()
    packed = raw / "sub-03/anat/sub-03_label-lesion_roi.nii.gz"
    packed.write_bytes(gzip.compress(b"no image at all"))
    outcome = bids(tmp_path, "--json")
    assert outcome.code == 75
    assert "error: 3 of 4 scans not done: sub-01, sub-02, sub-03" in outcome.err
    assert "sub-01: failed: " in outcome.err
    assert "looked for *_label-LESION_roi; *_T1w_label-LESION_roi" in outcome.err
    assert "Traceback" not in outcome.err
    states = {o["Scan"]: o["Status"] for o in json.loads(outcome.out)["Scans"]}
    assert states == {"sub-01": "failed", "sub-02": "failed", "sub-03": "failed", "sub-04": "done"}
    assert [p.name for p in sorted((tmp_path / "out").glob("sub-*"))] == ["sub-04"]
    assert left_over(tmp_path / "out") == []
    make_person(raw, "01")
    again = bids(tmp_path, "--participant_label", "01", "04")
    assert again.code == 0
    assert "2 scans: 1 done, 1 done before" in again.err or "1 done before, 1 done" in again.err


def test_what_nobody_expected_is_a_failure_of_that_person(tmp_path, bids, monkeypatch):
    from brainfill.bids import person

    raw = make_dataset(tmp_path / "raw", labels=())
    for label in ("01", "02"):
        make_person(raw, label, empty=True)
    expected = person.describe_outputs

    def odd(stage, case, *more, **options):
        if case.key == "sub-01":
            msg = "of a kind that nobody thought of"
            raise KeyError(msg)
        expected(stage, case, *more, **options)

    monkeypatch.setattr(person, "describe_outputs", odd)
    outcome = bids(tmp_path, "--on-empty", "skip")
    assert outcome.code == 75
    assert "sub-01: failed: unexpected: KeyError: 'of a kind that nobody" in outcome.err
    assert "Traceback" not in outcome.err
    assert "sub-02: skipped" in outcome.err
    (log,) = (tmp_path / "out/logs").glob("sub-01_*.log")
    assert "Traceback" in log.read_text()
    assert f"hint: report it with the log, '{log}'" in outcome.err
    assert left_over(tmp_path / "out") == []


def test_nobody_is_begun_after_the_first_crash(tmp_path, bids):
    raw = make_dataset(tmp_path / "raw", labels=("01", "02"))
    (raw / "sub-01/anat/sub-01_label-lesion_roi.nii.gz").unlink()
    outcome = bids(tmp_path, "--stop-on-first-crash")
    assert outcome.code == 75
    assert not (tmp_path / "out/sub-02").exists()
    assert "1 failed, 1 not begun or stopped" in outcome.err


def test_a_file_in_place_of_a_folder(tmp_path, bids):
    make_dataset(tmp_path / "raw")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub-01").write_text("in the way")
    outcome = bids(tmp_path)
    assert outcome.code == 75
    assert "sub-01: failed: folder" in outcome.err
    assert (tmp_path / "out/sub-02/anat/sub-02_desc-filled_T1w.nii.gz").exists()
    assert (tmp_path / "out/sub-01").read_text() == "in the way"
    assert left_over(tmp_path / "out") == []


def test_another_dataset_is_not_written_into(tmp_path, bids):
    make_dataset(tmp_path / "raw")
    make_dataset(tmp_path / "out", labels=())
    outcome = bids(tmp_path)
    assert outcome.code == 2
    assert "holds another dataset" in outcome.err


def test_a_step_without_the_one_before(tmp_path, bids):
    make_dataset(tmp_path / "raw", labels=("01",))
    outcome = bids(tmp_path, "--steps", "smooth")
    assert outcome.code == 75
    assert "the step 'smooth' needs 'fill', which was not done for 'sub-01'" in outcome.err


def test_a_plan_names_what_is_made_anew_because_of_a_step_before(done, bids):
    (done / "out/sub-01/anat/sub-01_desc-filled_mask.nii.gz").unlink()
    words = ("--steps", "fill,smooth", "--participant-label", "01")
    (scan,) = json.loads(bids(done, *words, "--dry-run").out)["scans"]
    assert list(scan["todo"]) == ["fill", "smooth"]
    before = times(done / "out")
    assert bids(done, *words).code == 0
    changed = {p.name for p, t in times(done / "out").items() if before.get(p) != t}
    assert {"sub-01_desc-filled_T1w.nii.gz", "sub-01_desc-smoothed_T1w.nii.gz"} <= changed
    assert "sub-01_label-lesion_mask.nii.gz" not in changed


def test_flags_go_before_the_file(tmp_path, bids):
    make_dataset(tmp_path / "raw", labels=("01",))
    file = tmp_path / "c.toml"
    file.write_text('steps = "fill,smooth"\ndilate = 3\nmethod = "patch"\n')
    plan = json.loads(bids(tmp_path, "--config-file", file, "--dilate", "2", "--dry-run").out)
    options = plan["options"]
    assert (options["steps"], options["dilate"], options["method"]) == (
        ["fill", "smooth"],
        2,
        "localmean",
    )
    assert list(plan["scans"][0]["todo"]) == ["lesion", "fill", "smooth"]
    assert not (tmp_path / "out").exists()
    file.write_text("dilat = 3\n")
    outcome = bids(tmp_path, "--config-file", file)
    assert outcome.code == 2
    assert "did you mean 'dilate'?" in outcome.err


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        (["--steps", "fill,thicknes"], 2, "unknown step 'thicknes'"),
        (["--steps", "fill,thickness", "--thickness-set", "direct.iter=2"], 2, "'direct.iter'"),
        (["--output-spaces", "T1w", "fsaverage"], 2, "unknown output space 'fsaverage'"),
        (["--quality", "best"], 2, "--quality means nothing to the method 'localmean'"),
        (["--participant-label", "07"], 66, "no folder sub-07"),
    ],
)
def test_options_nobody_can_be_run_with(tmp_path, bids, more, code, sentence):
    make_dataset(tmp_path / "raw", labels=("01",))
    outcome = bids(tmp_path, *more)
    assert outcome.code == code
    assert sentence in outcome.err
    assert not (tmp_path / "out").exists()


def test_the_container_is_named(tmp_path, bids, monkeypatch):
    make_dataset(tmp_path / "raw", labels=("01",))
    (tmp_path / "raw/sub-01/anat/sub-01_label-lesion_roi.nii.gz").unlink()
    monkeypatch.setenv("BRAINFILL_DOCKER_TAG", "brainfill:1")
    bids(tmp_path)
    about = json.loads((tmp_path / "out/dataset_description.json").read_text())
    assert about["GeneratedBy"][0]["Container"] == {"Type": "docker", "Tag": "brainfill:1"}
    monkeypatch.setenv("APPTAINER_CONTAINER", "/images/b.sif")
    bids(tmp_path)
    about = json.loads((tmp_path / "out/dataset_description.json").read_text())
    found = about["GeneratedBy"][0]["Container"]
    assert found == {"Type": "apptainer", "URI": "/images/b.sif", "Tag": "brainfill:1"}


def test_the_table_of_the_group(done, bids):
    make_person(done / "raw", "04")
    outcome = bids(done, level="group")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        str(done / "out" / f"group_T1w.{e}") for e in ("tsv", "html")
    ]
    rows = {r["scan"]: r for r in read_table(done / "out/group_T1w.tsv")}
    assert [r["status"] for r in rows.values()] == ["done", "done", "done", "none"]
    assert (rows["sub-01"]["lesion_volume_ml"], rows["sub-01"]["lesion_count"]) == ("0.0144", "1")
    assert float(rows["sub-01"]["stripe_index"]) > 0
    assert rows["sub-03_ses-x"]["session_id"] == "ses-x"
    page = (done / "out/group_T1w.html").read_text()
    assert "<h1>balls</h1>" in page
    assert "sub-03 ses-x" in page
    assert "data:image/png" in page


def test_pages_are_written_unless_they_are_not_wanted(done, bids):
    out = done / "out"
    assert list(out.glob("*.html")) == []
    before = (out / "sub-01/anat/sub-01_desc-filled_T1w.nii.gz").read_bytes()
    outcome = bids(done, "--report", "--participant-label", "01", "03")
    assert outcome.code == 0
    assert "sub-03_ses-x: kept" in outcome.err  # copied: there is nothing to show
    assert [p.name for p in out.glob("*.html")] == ["sub-01.html"]
    assert (out / "sub-01/anat/sub-01_desc-filled_T1w.nii.gz").read_bytes() == before
    assert "2 scans: 2 done before" in bids(done, "--report", "--participant-label", "01", "03").err
    bids(done, level="group")
    assert 'href="sub-01.html"' in (out / "group_T1w.html").read_text()


def test_a_group_of_nobody(tmp_path, bids):
    make_dataset(tmp_path / "raw")
    outcome = bids(tmp_path, level="group")
    assert outcome.code == 66
    assert "has no record of any" in outcome.err


def test_the_entry_point_of_containers(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["brainfill-bids", "--version"])
    with pytest.raises(SystemExit) as stop:
        app.bids_main()
    assert not stop.value.code
    assert capsys.readouterr().out == f"brainfill {__version__}\n"
