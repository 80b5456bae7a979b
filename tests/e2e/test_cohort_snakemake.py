"""The Snakemake workflow on this machine."""

import json
import os
import resource

import pytest
from bids_cases import lesion, make_dataset, make_person, quick_thickness, save
from cohort_cases import LABELS, QUICK, calls, results, run, snakemake_words


@pytest.fixture
def folder(tmp_path):
    make_dataset(tmp_path / "raw", LABELS)
    return tmp_path


def processor_s():
    """What finished children have taken so far [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def workflow(folder, *more, options=QUICK, steps="fill,smooth", settings=()):
    settings = [*settings, f"steps={steps}", f"options={' '.join(options)}"]
    return run([*snakemake_words("local", *settings), "--cores", "2", *more], folder)


def test_same_files_as_brainfill_bids_then_nothing_to_do(folder, alone):
    two = ["participants=sub-01 sub-03"]
    done = workflow(folder, settings=two)
    assert done.returncode == 0, done.stderr
    assert results(folder / "out") == {p: b for p, b in alone.items() if "sub-02" not in p}
    assert (folder / "out/group_T1w.tsv").read_text().count("\tdone\t") == 2

    for path in folder.glob("raw/sub-01/anat/*"):
        path.touch()  # the same, only younger
    before = processor_s()
    again = workflow(folder, settings=two)
    assert again.returncode == 0, again.stderr
    assert "Nothing to be done" in again.stderr
    # Of the processor, since others may be at work beside.
    assert processor_s() - before < 5


def test_brainfills_records_decide_and_not_what_is_there(folder):
    out, one = folder / "out", ["participants=sub-02"]
    assert workflow(folder, settings=one).returncode == 0
    # Not the file that Snakemake looks at, and older than that.
    table = out / "sub-02/anat/sub-02_desc-lesions_dseg.tsv"
    whole = table.read_bytes()
    table.write_bytes(whole[:20])
    os.utime(table, (0, 0))
    assert workflow(folder, settings=one).returncode == 0
    assert table.read_bytes() == whole
    assert calls(out, "brainfill fill") == 2
    assert calls(out, "brainfill.bids.lesion") == 1


def test_each_scan_of_a_session_is_a_job_of_its_own(folder):
    anat = make_person(folder / "raw", "04", session="M12")
    for name in ("T1w", "label-lesion_roi"):
        image = anat / f"sub-04_ses-M12_{name}.nii.gz"
        (anat / f"sub-04_ses-M12_run-2_{name}.nii.gz").write_bytes(image.read_bytes())
    done = workflow(folder, settings=["participants=sub-04"], steps="fill")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("localrule fill:") == 2
    assert done.stderr.count("1 scan: 1 done") == 2
    filled = sorted(p.name for p in (folder / "out").glob("sub-*/ses-M12/anat/*filled_T1w.nii.gz"))
    assert filled == [
        "sub-04_ses-M12_desc-filled_T1w.nii.gz",
        "sub-04_ses-M12_run-2_desc-filled_T1w.nii.gz",
    ]
    assert list((folder / "out").glob("sub-0[123]")) == []


def test_one_who_fails_stops_nobody_else_and_is_in_the_table(folder):
    save(folder / "raw/sub-02/anat/sub-02_label-lesion_roi.nii.gz", lesion(empty=True))
    (folder / "filter.json").write_text(json.dumps({"lesion": {"label": "lesion"}}))
    settings = ["participants=sub-01 sub-02", "bids_filter_file=filter.json"]
    options = (*QUICK, "--on-empty", "fail")
    done = workflow(folder, settings=settings, options=options, steps="fill")
    assert done.returncode == 1
    assert "sub-02: failed: the lesion mask of 'sub-02_T1w.nii.gz' is empty" in done.stderr
    table = (folder / "out/group_T1w.tsv").read_text()
    assert (table.count("\tdone\t"), table.count("\tfailed\t")) == (1, 1)
    # The user's filter and the scan's own.
    used = json.loads((folder / "out/.brainfill/cohort/sub-01.json").read_text())
    assert used["lesion"] == {"label": "lesion"}
    assert used["t1w"]["ses"] is None


def test_stages_are_jobs_of_their_own(folder):
    done = workflow(folder, "--dry-run", steps="preprocess,fill,smooth")
    assert done.returncode == 0, done.stderr
    rules = [line for line in done.stdout.splitlines() if line.startswith(("rule", "localrule"))]
    assert (rules.count("rule preprocess:"), rules.count("rule fill:")) == (3, 3), done.stdout
    assert not (folder / "out").exists()


def test_thickness_is_a_job_and_needs_no_lesion(folder, monkeypatch):
    save(folder / "raw/sub-02/anat/sub-02_label-lesion_roi.nii.gz", lesion(empty=True))
    paths = [quick_thickness(folder / "quick"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths).rstrip(os.pathsep))
    two = ["participants=sub-01 sub-02"]
    done = workflow(folder, steps="fill,thickness,compare", settings=two)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("localrule thickness:") == 2
    changes = sorted(p.name for p in folder.glob("out/sub-*/anat/*desc-change_thickness.json"))
    assert changes == ["sub-01_desc-change_thickness.json"]
    again = workflow(folder, steps="fill,thickness,compare", settings=two)
    assert "Nothing to be done" in again.stderr


def test_a_setting_that_cannot_be_meant(folder):
    done = run(snakemake_words("local", "step=fill"), folder)
    assert done.returncode == 1
    assert "unknown step; known: bids_dir, out_dir" in done.stderr
    assert not (folder / "out").exists()
