"""Pages of a scan and the links between them."""

import pytest

from brainfill.bids.pages import link_pages, pages_of
from brainfill.bids.records import Record, StepRecord
from brainfill.report.related import PLACE

CHANGES = {"GlobalMean": {"ChangePct": 0.1234}, "NearLesion": {"ChangePct": None}}


@pytest.fixture
def record(tmp_path):
    steps = {
        "preprocess": StepRecord("", {"a/b.nii.gz": 1, "p.html": 1}, 1.0),
        "fill": StepRecord("", {"f.html": 1}, 1.0),
        "compare": StepRecord("", {"c.html": 1}, 1.0, CHANGES),
    }
    for name in "pfc":
        (tmp_path / f"{name}.html").write_text(PLACE)
    return Record(tmp_path / "r.json", steps=steps)


def test_the_fill_comes_first_and_changes_are_told(record):
    change = "Thickness change: global mean 0.12 %"
    assert pages_of(record) == [["Fill", "f.html"], ["Preprocessing", "p.html"], [change, "c.html"]]


def test_pages_are_linked_once(record, tmp_path):
    link_pages(record, tmp_path)
    linked = (tmp_path / "f.html").read_text()
    assert '<a href="c.html">' in linked
    assert '<a href="f.html">' not in linked
    time = (tmp_path / "f.html").stat().st_mtime_ns
    link_pages(record, tmp_path)
    assert (tmp_path / "f.html").stat().st_mtime_ns == time
    record.steps.pop("compare")
    link_pages(record, tmp_path)
    assert 'href="c.html"' not in (tmp_path / "f.html").read_text()


def test_a_page_that_was_removed_is_left_out(record, tmp_path):
    (tmp_path / "c.html").unlink()
    link_pages(record, tmp_path)
    assert '<a href="p.html">' in (tmp_path / "f.html").read_text()
    assert "c.html" not in (tmp_path / "f.html").read_text()
    assert not (tmp_path / "c.html").exists()
