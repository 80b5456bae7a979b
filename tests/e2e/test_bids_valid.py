"""What `brainfill bids` writes is BIDS, says the validator of BIDS."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bids_cases import make_dataset, make_person, quick_thickness

# Beside the Python that runs the tests, whether or not its folder is on the PATH.
_PLACES = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
VALIDATOR = shutil.which("bids-validator-deno", path=_PLACES)


def problems(folder):
    done = subprocess.run(
        [VALIDATOR, str(folder), "--format", "json"], capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [(i["code"], i["location"]) for i in issues if i["severity"] == "error"]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Results of all steps but preprocess, for a person with lesions and one without, who has a session."""
    folder = tmp_path_factory.mktemp("valid")
    raw = make_dataset(folder / "raw", labels=("01",))
    make_person(raw, "02", empty=True, session="a")
    paths = [quick_thickness(folder / "quick"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    steps = ["--steps", "fill,smooth,thickness,compare"]
    for level in (["participant", "--method", "localmean", *steps], ["group"]):
        words = ["bids", str(raw), str(folder / "out"), *level]
        subprocess.run([sys.executable, "-m", "brainfill", *words], check=True, env=environment)
    return folder / "out"


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_validator_finds_no_error(out):
    assert (out / "sub-01/anat/sub-01_desc-filled_thickness.nii.gz").exists()
    assert (out / "group_thickness.tsv").exists()
    assert problems(out) == []


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_validator_would_find_one(out, tmp_path):
    broken = shutil.copytree(out, tmp_path / "broken")
    (broken / "sub-01/anat/sub-01_desc-filled_T1w.json").write_text("{}")
    assert ("SIDECAR_KEY_REQUIRED", "/sub-01/anat/sub-01_desc-filled_T1w.nii.gz") in problems(
        broken
    )
