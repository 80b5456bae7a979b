"""Rows of thickness over all scans, and who is compared over people."""

from pathlib import Path

import pytest

from brainfill.bids import cohort
from brainfill.bids.cohort import compare_people, thickness_rows
from brainfill.bids.config import BidsConfig
from brainfill.bids.find import Case
from brainfill.bids.names import parse
from brainfill.bids.records import Record, StepRecord
from brainfill.io.tables import read_table


def scan(out, name, change_pct=1.5):
    """A scan whose thickness was compared, unless its change is None."""
    path = Path(f"{name}_T1w.nii.gz")
    facts = {"GlobalMean": {"ChangePct": change_pct}, "ROIAverage": {"ChangePct": 2.0}}
    done = {"c.tsv": 1} if change_pct is not None else {}
    steps = {
        "unfilled": StepRecord("", {}, 1.0, {"Global": {"mean_mm": 2.0}}),
        "thickness": StepRecord("", {}, 1.0, {"Global": {"mean_mm": 2.5}}),
        "compare": StepRecord("", done, 1.0, facts if done else {}),
    }
    Record(out / "logs" / f"{name}.json", steps=steps).save()
    return Case(path, parse(path))


@pytest.fixture
def out(tmp_path):
    (tmp_path / "logs").mkdir()
    return tmp_path


@pytest.fixture
def compared(monkeypatch):
    """Comparisons that were asked for."""
    found = []

    def compare(out, config):
        found.append([row["subject"] for row in read_table(out / "group_thickness_pairs.tsv")])
        return {"People": len(found[-1])}

    monkeypatch.setattr(cohort, "_compared", compare)
    return found


def test_a_row_for_each_scan_that_was_compared(out):
    cases = [scan(out, "sub-01_ses-a"), scan(out, "sub-02", None)]
    cases.append(Case(Path("sub-03_T1w.nii.gz"), parse(Path("sub-03_T1w.nii.gz"))))
    (row,) = thickness_rows(cases, out)
    assert (row["scan"], row["participant_id"]) == ("sub-01_ses-a", "sub-01")
    assert (row["before_mm"], row["after_mm"], row["global_change_pct"]) == (2.0, 2.5, 1.5)
    assert row["near_lesion_change_pct"] is None
    assert set(row) == set(cohort.COLUMNS)


def test_each_person_counts_once(out, compared):
    said = []
    cases = [scan(out, n) for n in ("sub-01_ses-a", "sub-01_ses-b", "sub-02")]
    assert compare_people(cases, out, BidsConfig(), said.append) == {"People": 2}
    assert compared == [["sub-01_ses-a", "sub-02"]]
    assert said == [
        "1 of 3 scans is left out of the comparison over people, which takes one of each person"
    ]
    assert len(read_table(out / "group_thickness.tsv")) == 3


def test_one_person_is_told_and_not_compared(out, compared):
    cases = [scan(out, "sub-01")]
    assert compare_people(cases, out, BidsConfig(), pytest.fail) == {}
    assert (compared, len(read_table(out / "group_thickness.tsv"))) == ([], 1)


def test_what_is_no_longer_true_goes(out, compared):
    (out / "group_thickness_mine.txt").touch()
    for name in ("group_thickness.tsv", "group_thickness.html", "group_thickness_regions.tsv"):
        (out / name).touch()
    assert compare_people([scan(out, "sub-01", None)], out, BidsConfig(), pytest.fail) == {}
    assert [p.name for p in out.glob("group_*")] == ["group_thickness_mine.txt"]


def test_paths_in_the_list_are_relative_to_it(out, compared):
    labels = out / "sub-01/anat/sub-01_desc-filled_dseg.nii.gz"
    labels.parent.mkdir(parents=True)
    labels.touch()
    compare_people([scan(out, n) for n in ("sub-01", "sub-02")], out, BidsConfig(), pytest.fail)
    first, second = read_table(out / "group_thickness_pairs.tsv")
    assert first["before"] == "sub-01/anat/sub-01_desc-unfilled_thickness.tsv"
    assert first["labels"] == "sub-01/anat/sub-01_desc-filled_dseg.nii.gz"
    assert (second["lesion"], second["labels"]) == ("n/a", "n/a")  # surfaces have no voxels
