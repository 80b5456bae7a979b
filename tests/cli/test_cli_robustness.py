"""`brainfill robustness`: fill, measure before and after with played tools, compare; figures worked out by hand."""

import json

import numpy as np
import pytest
from thickness_tools import ANTS, DLDIRECT, FASTSURFER, install

from brainfill.core.volume import LabelMap
from brainfill.io.tables import read_table
from brainfill.thickness._base import NEUROMORPHOMETRICS, Thickness
from brainfill.thickness.regions import figures, load_names

FILL = ("--method", "localmean")
TEMPLATE = ("T_template0", "T_template0_BrainCerebellum")
MASKS = ("T_template0_BrainCerebellumProbabilityMask", "T_template0_BrainCerebellumExtractionMask")
NEAR, FAR = 103, 102


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Nothing is drawn, which takes longer than all the rest."""
    monkeypatch.setattr("brainfill.thickness.picture.picture", lambda found, t1: b"a picture")
    monkeypatch.setattr("brainfill.thickness.figures.svg", lambda figure: b"a drawing")
    for name in ("figures.bland_altman_figure", "figures.box_figure", "maps.region_map"):
        monkeypatch.setattr(f"brainfill.thickness.{name}", lambda *_, **__: None)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """FastSurfer and DL+DiReCT, played, and nothing else on the PATH; how often they were called."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    install(tmp_path / "bin", "run_fastsurfer.sh", FASTSURFER, tmp_path / "calls")
    install(tmp_path / "bin", "dl+direct", DLDIRECT, tmp_path / "calls")
    return lambda: len((tmp_path / "calls").read_text().splitlines())


@pytest.fixture
def robustness(call, files):
    """Calls the command on the scan and its mask; by default FastSurfer measures."""

    def run(*more, out="out", backends="fastsurfer"):
        asked = ["robustness", files.t1, files.mask, "-o", files.folder / out, *FILL]
        return call(*asked, "--backends", backends, *more)

    return run


def rows_of(folder):
    return {row["backend"]: row for row in read_table(folder / "robustness.tsv")}


def test_two_tools_by_hand(robustness, files, tools):
    out = files.folder / "out"
    outcome = robustness("-q", backends="fastsurfer, dldirect")
    assert (outcome.code, outcome.out) == (0, f"{out / 'robustness.tsv'}\n")
    rows = rows_of(out)
    assert list(rows) == ["fastsurfer", "dldirect"]
    assert {row["status"] for row in rows.values()} == {"measured"}
    # The left insula from 2 to 3 mm: 100 / (2 + 3) %; one of 62 regions, and the left one of two means.
    surfer = {k: float(v) for k, v in rows["fastsurfer"].items() if v.replace(".", "").isdigit()}
    assert surfer == pytest.approx(
        {
            "before_mm": 2.25,
            "after_mm": 2.75,
            "global_change_pct": 10,
            "roi_change_pct": 20 / 62,
            "regions": 62,
        },
        rel=1e-4,
    )
    # Every region from 2.4 to 2.5 mm.
    learned = rows["dldirect"]
    for column in ("global_change_pct", "roi_change_pct"):
        assert float(learned[column]) == pytest.approx(100 * 0.1 / 4.9, rel=1e-4)
    assert (learned["regions"], learned["near_lesion_change_pct"]) == ("68", "n/a")
    assert tools() == 4


def test_each_tool_has_its_folder(robustness, files, tools):
    robustness("-q")
    out = files.folder / "out"
    assert {p.name for p in out.iterdir()} == {
        *("sub-01_filled.nii.gz", "sub-01_filled.json"),
        *("fastsurfer", "robustness.tsv", "robustness.json"),
    }
    folder = out / "fastsurfer"
    assert {"before", "after", "regions.tsv", "comparison.json"} <= {
        p.name for p in folder.iterdir()
    }
    for when, subject in (("before", "sub-01"), ("after", "sub-01_filled")):
        start = f"{subject}_desc-fastsurfer_thickness"
        names = {p.name for p in (folder / when).iterdir() if p.is_file()}
        assert names == {f"{start}.{end}" for end in ("tsv", "png", "json")}
        assert len(list((folder / when).glob("fastsurfer-*/fastsurfer.log"))) == 1
    compared = json.loads((folder / "comparison.json").read_text())
    assert compared["GlobalMean"]["ChangePct"] == pytest.approx(10)


def test_the_record_holds_the_table_and_its_sources(robustness, files, tools):
    outcome = robustness("--json")
    facts = json.loads(outcome.out)
    out = files.folder / "out"
    assert facts == json.loads((out / "robustness.json").read_text())
    filled = str(out / "sub-01_filled.nii.gz")
    assert facts["Filled"] == filled
    assert set(facts["SourcesSHA256"]) == {str(files.t1), str(files.mask), filled}
    (row,) = facts["Results"]
    assert (row["backend"], row["global_change_pct"]) == ("fastsurfer", pytest.approx(10))
    assert row["near_lesion_change_pct"] is None
    line = outcome.err.splitlines()[-1].split()
    assert line == ["fastsurfer", "10.00", "0.32", "n/a", "n/a"]


def by_halves(thickness, scan, stripper, ctx):
    """Two regions: what the map says around the lesions, 2.5 mm beyond them; stands for regions by network."""
    labels = np.where(np.indices(scan.grid.shape)[0] < 15, NEAR, FAR)
    labels = LabelMap(np.where(thickness.data > 0, labels, 0), scan.grid)
    values = np.where(labels.data == FAR, np.float32(2.5), thickness.data)
    rows, sides = figures(values, labels, load_names())
    return Thickness(rows, NEUROMORPHOMETRICS, sides, thickness.like(values), labels)


@pytest.fixture
def ants(files, tools, monkeypatch):
    """antsCorticalThickness.sh, played; the folder of its template."""
    install(files.folder / "bin", "antsCorticalThickness.sh", ANTS)
    monkeypatch.setattr("brainfill.thickness.backends.ants.map_by_region", by_halves)
    template = files.folder / "template"
    (template / "Priors2").mkdir(parents=True)
    for name in (*TEMPLATE, *MASKS, "Priors2/priors1"):
        (template / f"{name}.nii.gz").touch()
    return template


def test_regions_near_lesions_are_told_from_far_ones(robustness, files, ants):
    out = files.folder / "out"
    outcome = robustness("--set", f"ants.template={ants}", "--near-mm", 1.5, backends="ants")
    assert outcome.code == 0
    row = rows_of(out)["ants"]
    assert float(row["near_lesion_change_pct"]) == pytest.approx(20, rel=1e-4)
    assert float(row["far_from_lesion_change_pct"]) == 0
    assert float(row["roi_change_pct"]) == pytest.approx(10, rel=1e-4)
    assert (out / "ants/before/sub-01_desc-ants_dseg.nii.gz").is_file()
    wide = robustness("--set", f"ants.template={ants}", "--near-mm", 9, backends="ants")
    assert wide.code == 0
    row = rows_of(out)["ants"]
    assert float(row["near_lesion_change_pct"]) == pytest.approx(10, rel=1e-4)
    assert row["far_from_lesion_change_pct"] == "n/a"


def test_tools_that_are_not_there_are_named_and_left_out(robustness, files, tools):
    outcome = robustness(backends="freesurfer,fastsurfer,ants")
    assert outcome.code == 0
    assert "warning: 'freesurfer' cannot measure: program 'recon-all' of FreeSurfer" in outcome.err
    assert "warning: 'ants' cannot measure: program 'antsCorticalThickness.sh'" in outcome.err
    rows = rows_of(files.folder / "out")
    assert {name: row["status"] for name, row in rows.items()} == {
        "fastsurfer": "measured",
        "freesurfer": "missing",
        "ants": "missing",
    }
    assert set(rows["ants"].values()) == {"ants", "missing", "n/a"}
    assert not (files.folder / "out" / "freesurfer").exists()


def test_nothing_is_done_where_no_tool_is_there(robustness, files, tools):
    before = set(files.folder.rglob("*"))
    outcome = robustness("-q", backends="freesurfer,ants")
    assert (outcome.code, outcome.out) == (69, "")
    assert "none of the tools asked for is there: freesurfer, ants" in outcome.err
    assert "brainfill list backends" in outcome.err
    assert set(files.folder.rglob("*")) == before


def test_the_same_call_measures_once(robustness, files, tools):
    first = robustness("--json")
    assert tools() == 2
    second = robustness("--json")
    assert (second.code, tools()) == (0, 2)
    assert second.err.count("nothing to do") == 2
    assert json.loads(second.out) == json.loads(first.out)
    # A tool more is measured alone.
    assert robustness(backends="fastsurfer,dldirect").code == 0
    assert tools() == 4
    assert robustness("--force").code == 0
    assert tools() == 6


def test_it_goes_on_where_it_was_stopped(robustness, files, tools):
    once = 'mark = Path(sys.argv[0] + ".once")\nif mark.exists(): os._exit(9)\nmark.touch()\n'
    install(files.folder / "bin", "run_fastsurfer.sh", once + FASTSURFER)
    outcome = robustness("-q")
    assert (outcome.code, outcome.out) == (1, "")
    out = files.folder / "out"
    (log,) = (out / "fastsurfer" / "after").glob("fastsurfer-*/fastsurfer.log")
    assert str(log) in outcome.err
    assert not (out / "robustness.tsv").exists()
    install(files.folder / "bin", "run_fastsurfer.sh", FASTSURFER, files.folder / "again")
    assert robustness("-q").code == 0
    assert (files.folder / "again").read_text() == "called\n", "before is not measured again"


@pytest.mark.parametrize(
    "options", [("--method", "harmonic"), ("--method", "localmean", "--seed", 4)]
)
def test_another_fill_is_refused_before_it_replaces_the_first(robustness, files, tools, options):
    robustness()
    filled = files.folder / "out" / "sub-01_filled.nii.gz"
    before = filled.read_bytes()
    outcome = robustness(*options)
    assert (outcome.code, outcome.out, tools()) == (2, "", 2)
    assert "sub-01_filled.nii.gz' exists already" in outcome.err
    assert filled.read_bytes() == before
    assert robustness(*options, "--force").code == 0


def test_another_scan_is_refused(robustness, files, tools):
    robustness()
    files.t1.write_bytes(files.mask.read_bytes())
    outcome = robustness()
    assert (outcome.code, "exists already" in outcome.err) == (2, True)


def test_a_filled_image_can_be_given(robustness, files, tools, call):
    filled = files.folder / "mine.nii.gz"
    assert call("fill", files.t1, files.mask, *FILL, "-o", filled).code == 0
    outcome = robustness("--filled", filled, "--json")
    facts = json.loads(outcome.out)
    assert facts["Filled"] == str(filled)
    assert facts["Results"][0]["global_change_pct"] == pytest.approx(10)
    out = files.folder / "out"
    assert not list(out.glob("*_filled*"))
    assert (out / "fastsurfer/after/mine_desc-fastsurfer_thickness.tsv").is_file()


def test_dry_run_tells_who_would_measure(robustness, files, tools):
    before = set(files.folder.rglob("*"))
    plan = json.loads(robustness("-n", "--seed", 3, backends="fastsurfer,freesurfer").out)
    assert plan["measure"] == ["fastsurfer"]
    assert list(plan["missing"]) == ["freesurfer"]
    assert plan["inputs"] == {"T1": str(files.t1), "mask": str(files.mask), "filled": None}
    assert (plan["options"]["method"], plan["options"]["seed"]) == ("localmean", 3)
    assert set(files.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--backends", "fsl"], 2, "unknown backend 'fsl'; known: ants"),
        (["--backends", "direct/fast"], 2, "fast"),
        (["--backends", "fastsurfer/deep"], 2, "segmenter"),
        (["--backends", "fastsurfer,fastsurfer"], 2, "names a tool twice"),
        (["--backends", " , "], 2, "names no tool"),
        (["--method", "magic"], 2, "magic"),
        (["--set", "template=/there"], 2, "none of the tools asked for: fastsurfer"),
        (["--set", "ants.template=/there"], 2, "none of the tools asked for: fastsurfer"),
        (["--set", "fastsurfer.template=/there"], 2, "template"),
        (["--filled", "none.nii.gz"], 66, "none.nii.gz"),
    ],
)
def test_wrong_use(robustness, files, tools, options, code, words):
    before = set(files.folder.rglob("*"))
    outcome = robustness(*options)
    assert (outcome.code, outcome.out) == (code, "")
    assert words in outcome.err
    assert set(files.folder.rglob("*")) == before


def test_an_image_that_is_not_there(call, files, tools):
    outcome = call("robustness", files.folder / "no.nii", files.mask, "-o", files.folder / "out")
    assert (outcome.code, "no.nii" in outcome.err) == (66, True)
