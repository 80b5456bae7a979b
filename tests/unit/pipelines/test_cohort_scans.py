"""What the cohort workflow asks of brainfill: its steps and names are those of `brainfill bids`."""

import doctest
import importlib.util
import json
import shlex
from pathlib import Path

import pytest
from bids_cases import lesion, make_dataset, save
from cohort_cases import BRAINFILL

from brainfill.bids import plan
from brainfill.bids.config import LESION, MNI, STEPS, BidsConfig

FILE = Path(__file__).parents[3] / "pipelines" / "cohort" / "scans.py"
SPEC = importlib.util.spec_from_file_location("scans", FILE)
scans = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(scans)


def config(**more):
    return scans.settings({"bids_dir": "raw", "out_dir": "out dir", **more})


def test_examples_in_docstrings():
    assert doctest.testmod(scans).failed == 0


def test_steps_and_names_are_those_of_brainfill():
    assert scans.STEPS == STEPS
    assert scans.MNI == MNI
    known = plan.steps_of(BidsConfig(steps=STEPS, output_spaces=("T1w", MNI)))
    staged = [step for steps in scans.STAGES.values() for step in steps]
    # The lesion mask belongs to the first stage, whichever that is: what is made from it is to do as well.
    assert set(known) - set(staged) == {LESION}


def test_a_stage_has_the_steps_before_it_and_its_own_file():
    wanted = config(steps="preprocess,smooth,fill,thickness", output_spaces=["T1w", MNI])
    assert scans.stages(wanted) == ["preprocess", "fill", "thickness"]
    names = [scans.product(stage, wanted) for stage in scans.stages(wanted)]
    assert names == [
        f"space-{MNI}_desc-preproc_T1w.nii.gz",
        f"space-{MNI}_desc-smoothed_T1w.nii.gz",
        "desc-filled_thickness.tsv",
    ]
    first = scans.stage_call("preprocess", "sub-1/anat/sub-1", wanted)
    assert first.endswith(
        "--steps preprocess --bids-filter-file 'out dir/.brainfill/cohort/sub-1.json'"
    )
    second = scans.stage_call("fill", "sub-1/anat/sub-1", wanted)
    assert f"--steps preprocess,fill,smooth --output-spaces T1w {MNI} " in second


def test_a_job_is_about_one_scan(tmp_path):
    (tmp_path / "filter.json").write_text('{"t1w": {"acq": "mprage"}, "lesion": {"desc": "L"}}')
    mine = config(
        participants=["01", "02"],
        sessions=["2"],
        derivatives="masks=lst",
        bids_filter_file=str(tmp_path / "filter.json"),
        options="--method 'local mean'",
    )
    words = shlex.split(
        scans.stage_call("fill", "sub-01/ses-2/anat/sub-01_ses-2_acq-mprage_run-1", mine)
    )
    filters = json.loads(words[words.index("printf") + 2])
    assert filters["lesion"] == {"desc": "L"}
    assert {k: v for k, v in filters["t1w"].items() if v} == {
        "ses": "2",
        "acq": "mprage",
        "run": "1",
    }
    assert words[words.index("--participant-label") + 1 : words.index("--session-label")] == [
        "sub-01"
    ]
    assert words[words.index("--derivatives") + 1] == "masks=lst"
    assert words[words.index("--method") + 1] == "local mean"


def test_files_of_what_is_left_are_new_and_of_what_is_done_old(tmp_path):
    left = {"sub-1/anat/sub-1": ["fill"], "sub-2/ses-1/anat/sub-2_ses-1": []}
    output = tmp_path / "output"
    output.touch()
    scans.remember(left, config(), tmp_path)
    times = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "fill").iterdir()}
    assert times["sub-2_ses-1"] == 0
    assert times["sub-1"] >= output.stat().st_mtime_ns


def test_what_is_left_as_brainfill_says(tmp_path):
    raw = make_dataset(tmp_path / "raw", ["1"])
    save(raw / "sub-2/ses-a/anat/sub-2_ses-a_T1w.nii.gz", lesion())
    words = {"bids_dir": str(raw), "out_dir": str(tmp_path / "out")}
    mine = scans.settings({**words, "command": BRAINFILL, "options": "--method localmean"})
    # The second has no mask, and is tried so that the job says so.
    assert scans.look(mine) == {
        "sub-1/anat/sub-1": ["fill"],
        "sub-2/ses-a/anat/sub-2_ses-a": ["fill"],
    }
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="on-empty skip leaves a scan without the file"):
        scans.look({**mine, "options": "--method localmean --on-empty skip"})
    with pytest.raises(ValueError, match="did you mean 'localmean'"):
        scans.look({**mine, "options": "--method localmeen"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bids_dir": "raw"}, "no out_dir"),
        ({"bids_dir": "raw", "out_dir": "out", "step": "fill"}, "unknown step; known: bids_dir"),
        ({"bids_dir": "raw", "out_dir": "out", "steps": "smooth"}, "expected fill, and others"),
        ({"bids_dir": "raw", "out_dir": "out", "steps": "fill,smoth"}, "expected fill, and others"),
    ],
)
def test_settings_that_cannot_be_meant(given, said):
    with pytest.raises(ValueError, match=said):
        scans.settings(given)
