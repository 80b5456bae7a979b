"""Commands of steps: what thickness and its comparison are told, and what their outputs are called."""

from dataclasses import replace
from pathlib import Path

import pytest

from brainfill.bids.commands import COMPARED, command, name_outputs
from brainfill.bids.config import BidsConfig
from brainfill.bids.find import Case
from brainfill.bids.job import Job
from brainfill.bids.names import parse
from brainfill.tasks.compare import FIGURES, TABLES

T1 = Path("raw/sub-01/anat/sub-01_T1w.nii.gz")
CONFIG = BidsConfig(steps=("preprocess", "fill", "smooth", "thickness", "compare"))
HOME = "out/sub-01/anat/sub-01_"


def words(step, config=CONFIG):
    return command(step, Job(Case(T1, parse(T1)), config, Path("out"), Path("stage")))


def value(found, name):
    return found[found.index(name) + 1] if name in found else None


@pytest.mark.parametrize(
    ("step", "image", "desc"),
    [
        ("unfilled", str(T1), "unfilled"),
        ("thickness", f"{HOME}desc-smoothed_T1w.nii.gz", "filled"),
    ],
)
def test_both_measurements_are_told_the_same(step, image, desc):
    found = words(step)
    assert (found[:3], value(found, "--desc")) == (["brainfill", "thickness", image], desc)
    assert value(found, "--mask") == f"{HOME}label-lesion_mask.nii.gz"
    assert value(found, "--skullstrip") == f"{HOME}desc-brain_mask.nii.gz"
    # What a tool took hours to write outlives the stage.
    assert value(found, "--work") == "out/.brainfill/tools/sub-01"
    bare = words(step, replace(CONFIG, thickness_mask=False, steps=("fill", "thickness")))
    assert not {"--mask", "--skullstrip"} & set(bare)


def test_surface_tools_are_told_what_they_can_use():
    surfaces = replace(CONFIG, thickness_backend="fastsurfer", thickness_settings=("fs_license=x",))
    found = words("thickness", surfaces)
    assert not {"--mask", "--skullstrip"} & set(found)
    assert value(found, "--set") == "fs_license=x"
    assert not {"--lesion", "--labels"} & set(words("compare", surfaces))


def test_before_is_compared_with_after():
    found = words("compare")
    tables = [f"{HOME}desc-{when}_thickness.tsv" for when in ("unfilled", "filled")]
    assert found[4:6] == tables
    assert value(found, "--lesion") == f"{HOME}label-lesion_mask.nii.gz"
    assert value(found, "--labels") == f"{HOME}desc-filled_dseg.nii.gz"
    assert "--report" in found
    assert "--report" not in words("compare", replace(CONFIG, report=False))


def test_everything_that_compare_writes_has_a_name(tmp_path):
    assert {*(f"{t}.tsv" for t in TABLES), *FIGURES} < set(COMPARED)
    for name in COMPARED:
        (tmp_path / name).touch()
    job = Job(Case(T1, parse(T1)), CONFIG, Path("out"), tmp_path)
    name_outputs("fill", job)
    assert {p.name for p in tmp_path.iterdir()} == set(COMPARED)
    name_outputs("compare", job)
    assert {p.name for p in tmp_path.iterdir()} == {f"sub-01_{n}" for n in COMPARED.values()}
    assert job.place("sub-01_desc-changemap_thickness.svg").parent == Path("out/sub-01/figures")
