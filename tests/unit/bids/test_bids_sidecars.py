"""Sidecars of thickness: with a map or without one, without paths of the machine, regions with their names."""

import json

import pytest

from brainfill.bids.dataset import Dataset
from brainfill.bids.find import Case
from brainfill.bids.names import parse
from brainfill.bids.sidecars import describe_outputs
from brainfill.io.tables import read_table, write_table

ROW = {"region": "insula", "hemisphere": "left", "mean_mm": 2.5, "label": 7}


@pytest.fixture
def described(tmp_path):
    """Describes a stage that holds these files; the sidecar of the filled scan's thickness."""
    raw, out, stage = (tmp_path / name for name in ("raw", "out", "stage"))
    stage.mkdir()
    brain = out / "sub-01/anat/sub-01_desc-brain_mask.nii.gz"
    facts = {
        "Sources": [str(out / "sub-01/anat/sub-01_desc-filled_T1w.nii.gz")],
        "Backend": "direct",
        "ToolFolder": str(out / ".brainfill/tools/sub-01/x"),
        "BrainfillArguments": {"skullstrip": str(brain), "settings": ["a=b"], "backend": "direct"},
    }

    def call(*ends):
        (stage / "sub-01_desc-filled_thickness.json").write_text(json.dumps(facts))
        write_table([ROW], stage / "sub-01_desc-filled_thickness.tsv")
        for end in ends:
            (stage / f"sub-01_desc-filled_{end}").touch()
        t1 = raw / "sub-01/anat/sub-01_T1w.nii.gz"
        data = Dataset(raw, out, {})
        describe_outputs(stage, Case(t1, parse(t1)), data, stripped=True)
        assert not any(str(tmp_path) in p.read_text() for p in stage.glob("*.json"))
        return stage

    return call


def test_of_a_tool_that_measures_on_surfaces(described):
    stage = described()
    about = json.loads((stage / "sub-01_desc-filled_thickness.json").read_text())
    assert about["Sources"] == ["bids::sub-01/anat/sub-01_desc-filled_T1w.nii.gz"]
    assert about["ToolFolder"] == "bids::.brainfill/tools/sub-01/x"
    assert about["BrainfillArguments"] == {
        "skullstrip": "bids::sub-01/anat/sub-01_desc-brain_mask.nii.gz",
        "settings": ["a=b"],
        "backend": "direct",
    }
    assert about["mean_mm"]["Units"] == "mm"
    assert about["Backend"] == "direct"
    assert not list(stage.glob("*_dseg.*"))


def test_of_a_tool_that_measures_in_voxels(described):
    stage = described("thickness.nii.gz", "dseg.nii.gz")
    assert read_table(stage / "sub-01_desc-filled_dseg.tsv") == [
        {"index": "7", "name": "insula", "hemisphere": "left"}
    ]
    regions = json.loads((stage / "sub-01_desc-filled_dseg.json").read_text())
    assert regions["Sources"] == ["bids::sub-01/anat/sub-01_desc-filled_T1w.nii.gz"]
    assert regions["SpatialReference"] == "orig"
    assert "voxels" not in regions
