"""`--report`: a page beside the output, of `fill`, `preprocess` and `compare`."""

import json
import re

import numpy as np
import pytest
from cli_files import save

from brainfill.core.errors import DataError
from brainfill.report import white

HEADER = "region\themisphere\tmean_mm\tsd_mm\tvoxels\tvolume_ml\n"


@pytest.fixture(autouse=True)
def no_brain(monkeypatch):
    """No network looks for a brain in these tiny balls."""
    monkeypatch.setattr(white, "_found", lambda *_: None)


def ids(path):
    return re.findall(r'<h2 id="([^"]*)"', path.read_text(encoding="utf-8"))


def test_fill_writes_a_page_beside_its_output(call, files):
    out = files.folder / "f.nii.gz"
    outcome = call(
        "fill", files.t1, files.mask, "--method", "localmean", "-o", out, "--report", "--json"
    )
    page = files.folder / "f.html"
    assert outcome.code == 0
    assert json.loads(outcome.out)["Outputs"]["report"] == str(page)
    shown = ["lesions", "fill", "difference", "intensities", "stripes", "look", "methods", "record"]
    assert ids(page) == shown
    text = page.read_text(encoding="utf-8")
    assert f"brainfill fill {files.t1.name} {files.mask.name} --method localmean" in text
    assert "<h1>sub-01_T1w</h1>" in text


def test_without_the_option_there_is_none(call, files):
    assert call("fill", files.t1, files.mask, "--method", "localmean").code == 0
    assert list(files.folder.glob("*.html")) == []


def test_deterministic_runs_write_the_same_page(call, files):
    pages = []
    out = files.folder / "f.nii.gz"
    for _ in range(2):
        options = ("--method", "localmean", "--deterministic", "--report", "--force", "-o", out)
        assert call("fill", files.t1, files.mask, *options).code == 0
        pages.append((files.folder / "f.html").read_bytes())
    assert pages[0] == pages[1]


def test_a_page_in_the_way_is_not_replaced_unasked(call, files):
    page = files.folder / "f.html"
    page.write_text("mine")
    out = files.folder / "f.nii.gz"
    outcome = call("fill", files.t1, files.mask, "--method", "localmean", "-o", out, "--report")
    assert outcome.code == 2
    assert "f.html' exists already" in outcome.err
    assert page.read_text() == "mine"
    assert not out.exists()


def test_a_page_that_fails_leaves_nothing(call, files, monkeypatch):
    def fails(*_):
        raise DataError("no page today")

    monkeypatch.setattr("brainfill.cli.fill.fill_report_part", fails)
    before = sorted(files.folder.iterdir())
    outcome = call("fill", files.t1, files.mask, "--method", "localmean", "--report")
    assert outcome.code == 65
    assert sorted(files.folder.iterdir()) == before


def test_preprocess_writes_a_page(call, files):
    out = files.folder / "out"
    outcome = call(
        "preprocess", files.t1, "-o", out, "--steps", "clip", "--report", "--mask", files.mask
    )
    assert outcome.code == 0
    page = out / "sub-01_desc-preproc.html"
    assert str(page) in outcome.out.splitlines()
    assert ids(page) == ["steps", "methods", "record"]


def test_compare_writes_a_page(call, tmp_path):
    tables = []
    for name, mm in (("before", 2), ("after", 3)):
        table = tmp_path / f"{name}.tsv"
        table.write_text(f"{HEADER}insula\tleft\t{mm}\t0.4\t900\t0.9\n")
        (tmp_path / f"{name}.json").write_text('{"Backend": "demo"}')
        tables.append(table)
    out = tmp_path / "out"
    outcome = call("compare", *tables, "-o", out, "--report")
    assert outcome.code == 0
    assert ids(out / "comparison.html") == ["thickness-change", "methods", "record"]
    assert "no region map was drawn" in (out / "comparison.html").read_text()


def test_dry_run_names_the_page(call, files):
    outcome = call("fill", files.t1, files.mask, "--method", "localmean", "--report", "--dry-run")
    assert json.loads(outcome.out)["outputs"]["report"].endswith("sub-01_T1w_filled.html")
    assert list(files.folder.glob("*.html")) == []


def test_samples_show_how_sure_the_fill_is(call, files, tmp_path):
    save(files.t1, np.zeros((2, 2, 2), np.int16))  # never read: a dry run says what would be done
    options = ("--samples", "2", "--report", "--dry-run")
    plan = json.loads(call("fill", files.t1, files.mask, *options).out)
    assert plan["options"]["sd"]["value"] is True
    assert "sd" not in plan["outputs"]
