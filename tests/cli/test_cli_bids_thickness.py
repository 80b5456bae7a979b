"""`brainfill bids` with the steps thickness and compare, on a tiny dataset and a measure that takes no time."""

import contextlib
import io
import json
import os
import shutil
import sys

import pytest
from bids_cases import left_over, make_dataset, make_person, quick_thickness

from brainfill.cli import app
from brainfill.io.tables import read_table

FAST = ("--method", "localmean", "--omp-nthreads", "1")
STEPS = ("--steps", "fill,thickness,compare")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A dataset of three people, one without lesions, and the results for them."""
    folder = tmp_path_factory.mktemp("bids")
    raw = make_dataset(folder / "raw", labels=("01",))
    make_person(raw, "02", empty=True)
    make_person(raw, "03", session="a")
    quick = quick_thickness(folder / "quick")
    words = ["bids", str(raw), str(folder / "out"), "participant", *STEPS, *FAST]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()):
        patch.setenv("PYTHONPATH", os.pathsep.join([quick, os.environ.get("PYTHONPATH", "")]))
        patch.setattr(sys, "argv", ["brainfill", *words, "--n-procs", "2"])
        with pytest.raises(SystemExit) as stop:
            app.main()
    assert not stop.value.code
    return folder


@pytest.fixture
def done(first, tmp_path, monkeypatch):
    """A copy of it that a test may change; thickness is measured as there."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    paths = [str(tmp_path / "quick"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return tmp_path


@pytest.fixture
def bids(call):
    """Run `brainfill bids` on the dataset in a folder."""

    def run(folder, *more, level="participant"):
        return call("bids", folder / "raw", folder / "out", level, *FAST, *more)

    return run


def record(out, key):
    return json.loads((out / f"logs/{key}.json").read_text())


def test_thickness_before_and_after_and_its_change(first):
    home = first / "out/sub-01/anat"
    before, after = (
        {(r["region"], r["hemisphere"]): float(r["mean_mm"]) for r in read_table(home / name)}
        for name in ("sub-01_desc-unfilled_thickness.tsv", "sub-01_desc-filled_thickness.tsv")
    )
    assert before["insula", "left"] < after["insula", "left"] == 2
    assert before["cuneus", "left"] == after["cuneus", "left"] == 2
    rows = {
        (r["region"], r["hemisphere"]): r
        for r in read_table(home / "sub-01_desc-changeregions_thickness.tsv")
    }
    x, y = before["insula", "left"], after["insula", "left"]
    assert float(rows["insula", "left"]["change_pct"]) == pytest.approx(100 * (y - x) / (x + y))
    near = {region: row["near_lesion"] for (region, side), row in rows.items() if side == "left"}
    assert near == {"insula": "1", "cuneus": "0"}
    facts = json.loads((home / "sub-01_desc-change_thickness.json").read_text())
    assert facts["NearLesion"]["ChangePct"] > facts["FarFromLesion"]["ChangePct"] == 0
    figures = {p.name for p in (first / "out/sub-01/figures").iterdir()}
    assert {
        "sub-01_desc-filled_thickness.png",
        "sub-01_desc-unfilled_thickness.png",
        "sub-01_desc-changemap_thickness.svg",
        "sub-01_desc-changeboxplots_thickness.svg",
        "sub-01_desc-changeblandaltman_thickness.svg",
    } <= figures
    assert left_over(first / "out") == []


def test_sidecars_of_thickness_are_those_of_bids(first):
    home = first / "out/sub-01/anat"
    about = json.loads((home / "sub-01_desc-filled_thickness.json").read_text())
    assert about["Sources"] == [
        "bids::sub-01/anat/sub-01_desc-filled_T1w.nii.gz",
        "bids::sub-01/anat/sub-01_label-lesion_mask.nii.gz",
    ]
    assert (about["Backend"], about["SpatialReference"]) == ("direct", "orig")
    assert about["mean_mm"]["Units"] == "mm"
    ends = ("thickness.nii.gz", "dseg.nii.gz", "thickness.tsv", "thickness.png")
    assert set(about["OutputsSHA256"]) == {f"sub-01_desc-filled_{end}" for end in ends}
    unfilled = json.loads((home / "sub-01_desc-unfilled_thickness.json").read_text())
    assert unfilled["Sources"][0] == "bids:raw:sub-01/anat/sub-01_T1w.nii.gz"
    change = json.loads((home / "sub-01_desc-change_thickness.json").read_text())
    assert change["Sources"][0] == "bids::sub-01/anat/sub-01_desc-unfilled_thickness.tsv"
    names = read_table(home / "sub-01_desc-filled_dseg.tsv")
    assert names[1] == {"index": "2", "name": "insula", "hemisphere": "left"}
    assert "backend direct of brainfill" in (first / "out/logs/CITATION.md").read_text()
    for path in home.glob("*.json"):
        assert str(first) not in path.read_text(), path


def test_without_lesions_there_is_nothing_to_compare(first):
    home = first / "out/sub-02/anat"
    assert (home / "sub-02_desc-filled_thickness.tsv").exists()
    assert not (home / "sub-02_desc-unfilled_thickness.tsv").exists()
    assert not list(home.glob("*desc-change*"))
    assert record(first / "out", "sub-02")["Steps"]["compare"]["outputs"] == {}


def test_pages_of_a_scan_lead_to_each_other(first):
    out = first / "out"
    fill = (out / "sub-01.html").read_text()
    for name in ("unfilled", "filled", "change"):
        assert f'href="sub-01_desc-{name}_thickness.html"' in fill
    change = (out / "sub-01_desc-change_thickness.html").read_text()
    assert 'href="sub-01.html">Fill</a>' in change
    told = record(out, "sub-01")["Steps"]["compare"]["facts"]["NearLesion"]["ChangePct"]
    assert f"near lesions {told:.2f} %</a>" in fill
    assert "<h1>sub-01: thickness change</h1>" in change


def test_again_nothing_is_done(done, bids, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    results = [*(done / "out").glob("sub-*/**/*.*"), *(done / "out").glob("*.html")]
    before = {p: p.stat().st_mtime_ns for p in results}
    outcome = bids(done, *STEPS)
    assert (outcome.code, "3 scans: 3 done before" in outcome.err) == (0, True)
    assert outcome.out.count("_desc-changeregions_thickness.tsv") == 2
    assert {p: p.stat().st_mtime_ns for p in results} == before
    assert len(before) > 40


def test_another_fill_leaves_thickness_of_the_scan_as_it_was(done, bids):
    before = record(done / "out", "sub-01")["Steps"]
    assert bids(done, *STEPS, "--dilate", "2", "--participant-label", "01").code == 0
    after = record(done / "out", "sub-01")["Steps"]
    same = {step for step in before if before[step] == after[step]}
    assert same == {"lesion", "unfilled"}
    assert 'href="sub-01_desc-change_thickness.html"' in (done / "out/sub-01.html").read_text()


def test_another_setting_measures_again(done, bids):
    before = record(done / "out", "sub-01")["Steps"]
    more = ("--thickness-set", "direct.iterations=20", "segmenter=kmeans")
    assert bids(done, *STEPS, *more, "--participant-label", "01").code == 0
    after = record(done / "out", "sub-01")["Steps"]
    assert {s for s in before if before[s] != after[s]} == {"unfilled", "thickness", "compare"}
    about = done / "out/sub-01/anat/sub-01_desc-filled_thickness.json"
    settings = json.loads(about.read_text())["BackendSettings"]
    assert (settings["direct"]["iterations"], settings["segmenter"]) == (20, "kmeans")
    # Two people who were measured in two ways are not compared, but all that is theirs is told.
    group = bids(done, level="group")
    assert group.code == 65
    assert "measured by two pipelines" in group.err
    assert len(read_table(done / "out/group_thickness.tsv")) == 2
    assert (done / "out/group_T1w.html").exists()
    assert not (done / "out/group_thickness.html").exists()


def test_links_that_a_killed_run_left_out_are_put_in(done, bids):
    path = done / "out/logs/sub-01.json"
    about = json.loads(path.read_text())
    pages = about.pop("Pages")
    path.write_text(json.dumps(about))
    (done / "out/sub-01.html").write_text("<!-- related --><!-- /related -->")
    outcome = bids(done, *STEPS, "--participant-label", "01")
    assert "1 scan: 1 done before" in outcome.err
    assert 'href="sub-01_desc-change' in (done / "out/sub-01.html").read_text()
    assert json.loads(path.read_text())["Pages"] == pages


def test_the_group_is_compared(done, bids):
    outcome = bids(done, level="group")
    assert outcome.code == 0, outcome.err
    out = done / "out"
    names = ("group_T1w.tsv", "group_T1w.html", "group_thickness.tsv", "group_thickness.html")
    assert outcome.out.splitlines() == [str(out / name) for name in names]
    rows = {r["scan"]: r for r in read_table(out / "group_thickness.tsv")}
    assert list(rows) == ["sub-01", "sub-03_ses-a"]
    assert float(rows["sub-01"]["before_mm"]) < float(rows["sub-01"]["after_mm"]) == 2
    assert float(rows["sub-01"]["near_lesion_change_pct"]) > 0
    people = [r["subject"] for r in read_table(out / "group_thickness_subjects.tsv")]
    assert people == ["sub-01", "sub-03_ses-a"]
    page = (out / "group_T1w.html").read_text()
    assert 'href="group_thickness.html"' in page
    assert '<h2 id="thickness">Thickness change</h2>' in page
    assert "Near lesions [%]" in page
    assert (out / "group_thickness_region-map.svg").exists()
    # Nothing of it stays when nobody's thickness is compared any more.
    for label in ("01", "03"):
        shutil.rmtree(out / f"sub-{label}")
    bids(done, "--steps", "fill", "--no-report", "--participant-label", "01", "03")
    assert bids(done, level="group").code == 0
    assert not list(out.glob("group_thickness*"))


def test_one_person_is_no_cohort(done, bids):
    shutil.rmtree(done / "raw/sub-03")
    outcome = bids(done, level="group")
    assert outcome.code == 0
    assert [r["scan"] for r in read_table(done / "out/group_thickness.tsv")] == ["sub-01"]
    assert not (done / "out/group_thickness.html").exists()


def test_compare_needs_thickness(tmp_path, bids):
    make_dataset(tmp_path / "raw", labels=("01",))
    outcome = bids(tmp_path, "--steps", "fill,compare")
    assert outcome.code == 75
    assert "the step 'compare' needs 'thickness', which was not done" in outcome.err
    assert not (tmp_path / "out/sub-01").exists()


def test_a_tool_that_is_not_there(tmp_path, bids, monkeypatch):
    make_dataset(tmp_path / "raw", labels=("01",))
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = bids(tmp_path, "--steps", "fill,thickness", "--thickness-backend", "fastsurfer")
    assert outcome.code == 69
    assert "run_fastsurfer.sh" in outcome.err
    assert not (tmp_path / "out").exists()
