"""`brainfill thickness`: what it writes and says, what it measures again, and what it refuses."""

import json

import nibabel as nib
import numpy as np
import pytest
from cli_files import save
from thickness_tools import DKT_REGIONS, FASTSURFER, install, write_dldirect, write_stats

from brainfill.core.errors import ConfigError
from brainfill.io.tables import read_table

PROGRAMS = {
    "ants": "antsCorticalThickness.sh",
    "dldirect": "dl+direct",
    "fastsurfer": "run_fastsurfer.sh",
    "freesurfer": "recon-all",
}
SHAPE = (20, 18, 16)
TURN = np.array([[0.9, -0.4359, 0, 3], [0.4359, 0.9, 0, -7], [0, 0, 1.5, 2], [0, 0, 0, 1]])
AFFINES = {
    "RAS": np.array([[1.0, 0, 0, -9], [0, 1.2, 0, -10], [0, 0, 1.5, -12], [0, 0, 0, 1]]),
    "LAS": np.array([[-1.0, 0, 0, 9], [0, 1.2, 0, -10], [0, 0, 1.5, -12], [0, 0, 0, 1]]),
    "oblique": TURN,
}


@pytest.fixture
def freesurfer(tmp_path):
    """A finished subject of FreeSurfer."""
    return write_stats(tmp_path / "fs", "aparc", 2.5, 2.7)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """The only folder programs are found in."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.fixture
def no_picture(monkeypatch):
    """Nothing is drawn, which takes longer than all the rest."""
    monkeypatch.setattr("brainfill.thickness.picture.picture", lambda found, t1: b"a picture")


@pytest.fixture
def fastsurfer(tools, tmp_path, no_picture):
    """FastSurfer, played; how often it was called."""
    install(tools, PROGRAMS["fastsurfer"], FASTSURFER, tmp_path / "calls")
    return lambda: len((tmp_path / "calls").read_text().splitlines())


def written(folder):
    """Names of the files in a folder, without those of tools."""
    return {p.name for p in folder.iterdir() if p.is_file()}


def results(backend, *kinds):
    ends = {"dseg": f"desc-{backend}_dseg.nii.gz"}
    return {f"sub-01_{ends.get(k, f'desc-{backend}_thickness.{k}')}" for k in kinds}


def test_results_of_freesurfer_are_read(call, files, freesurfer):
    out = files.folder / "new" / "out"
    outcome = call(
        "thickness", files.t1, "-o", out, "--backend", "freesurfer", "--from", freesurfer
    )
    table = out / "sub-01_desc-freesurfer_thickness.tsv"
    assert (outcome.code, outcome.out) == (0, f"{table}\n")
    assert written(out) == results("freesurfer", "tsv", "png", "json")
    rows = {(r["hemisphere"], r["region"]): r for r in read_table(table)}
    assert len(rows) == 68
    insula = rows["right", "insula"]
    assert (insula["mean_mm"], insula["sd_mm"], insula["voxels"]) == ("2.7", "0.871", "n/a")
    assert float(insula["volume_ml"]) == pytest.approx(1.994)
    facts = json.loads(table.with_suffix(".json").read_text())
    assert facts["Backend"] == "freesurfer"
    assert facts["Scheme"] == "desikan-killiany"
    assert facts["Global"] == {"mean_mm": pytest.approx(2.6), "left_mm": 2.5, "right_mm": 2.7}
    assert (facts["RegionsMeasured"], facts["ReadFrom"]) == (68, str(freesurfer))
    assert list(facts["SourcesSHA256"]) == [str(files.t1)]
    assert set(facts["OutputsSHA256"]) == results("freesurfer", "tsv", "png")
    assert facts["RuntimeSeconds"] >= 0
    assert table.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_picture")
def test_results_of_fastsurfer_are_read(call, files, tmp_path):
    subject = write_stats(tmp_path / "s", "aparc.DKTatlas.mapped", 2.4, 2.5, DKT_REGIONS)
    outcome = call(
        *("thickness", files.t1, "-o", tmp_path / "o"),
        *("--backend", "fastsurfer", "--from", subject, "-q", "--json"),
    )
    facts = json.loads(outcome.out)
    assert (facts["Scheme"], facts["RegionsMeasured"]) == ("desikan-killiany-tourville", 62)
    assert outcome.err == ""


@pytest.mark.usefixtures("no_picture")
@pytest.mark.parametrize("backend", ["freesurfer", "dldirect"])
def test_a_lesion_mask_that_is_not_used_is_told_of(call, files, tmp_path, freesurfer, backend):
    folder = freesurfer if backend == "freesurfer" else write_dldirect(tmp_path / "dl", 2.5)
    asked = ["thickness", files.t1, "-o", tmp_path / "o", "--backend", backend, "--from", folder]
    sentence = f"the lesion mask was not used: {backend} has no use for one"
    outcome = call(*asked, "--mask", files.mask, "-q", "--json")
    assert outcome.code == 0
    assert outcome.err == f"warning: {sentence}\n"
    assert json.loads(outcome.out)["Warnings"] == [sentence]
    assert "lesion mask" not in call(*asked, "--force", "-q").err


@pytest.mark.usefixtures("no_picture")
def test_results_may_be_told_apart_by_a_word(call, files, freesurfer, tmp_path):
    asked = ["thickness", files.t1, "-o", tmp_path / "o", "--backend", "freesurfer"]
    asked += ["--from", freesurfer, "-q"]
    assert call(*asked, "--desc", "filled").code == 0
    assert written(tmp_path / "o") == results("filled", "tsv", "png", "json")
    refused = call(*asked, "--desc", "not_filled")
    assert (refused.code, "letters and digits" in refused.err) == (2, True)


@pytest.mark.parametrize("name", AFFINES)
def test_a_map_comes_to_the_grid_of_the_scan(call, tmp_path, head, name):
    t1 = save(tmp_path / "sub-01_ses-2_space-orig_T1w.nii.gz", head, AFFINES[name])
    # The tool has axes of its own: there the same voxel has another place in the array.
    values = np.zeros(SHAPE, np.float32)
    values[3, 12, 5] = 2.25
    turned = AFFINES[name] @ np.array([[0, 0, -1, 19], [1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    folder = write_dldirect(tmp_path / "dl", 2.25)
    there = np.moveaxis(values[::-1], 0, 2)
    nib.save(nib.Nifti1Image(there, turned), folder / "T1w_norm_thickmap.nii.gz")
    out = tmp_path / "out"
    outcome = call("thickness", t1, "-o", out, "--backend", "dldirect", "--from", folder, "--json")
    start = "sub-01_ses-2_desc-dldirect_thickness"
    assert written(out) == {f"{start}.{end}" for end in ("nii.gz", "tsv", "png", "json")}
    outputs = json.loads(outcome.out)["Outputs"]
    assert set(outputs) == {"map", "table", "picture", "sidecar"}
    found = nib.load(outputs["map"])
    np.testing.assert_allclose(found.affine, AFFINES[name], atol=1e-6)
    assert found.get_data_dtype() == np.float32
    np.testing.assert_array_equal(found.get_fdata(), values)


def test_the_same_call_measures_once(call, files, fastsurfer):
    out = files.folder / "out"
    asked = ["thickness", files.t1, "-o", out, "--backend", "fastsurfer"]
    first = call(*asked, "--json")
    kept = {name: (out / name).read_bytes() for name in written(out)}
    assert fastsurfer() == 1
    assert len(list(out.glob("fastsurfer-*/fastsurfer.log"))) == 1
    second = call(*asked, "--json")
    assert second.code == 0
    assert "nothing to do: the same was measured already" in second.err
    assert json.loads(second.out) == json.loads(first.out)
    assert {name: (out / name).read_bytes() for name in written(out)} == kept
    assert fastsurfer() == 1
    again = call(*asked, "--force")
    assert (again.code, fastsurfer()) == (0, 2)
    assert "nothing to do" not in again.err


@pytest.mark.parametrize(
    "change", ["image", "setting", "seed", "mask", "result is gone", "result was edited"]
)
def test_what_changed_is_not_taken_for_the_same(call, files, head, fastsurfer, change):
    out = files.folder / "out"
    asked = ["thickness", files.t1, "-o", out, "--backend", "fastsurfer"]
    call(*asked)
    table = out / "sub-01_desc-fastsurfer_thickness.tsv"
    if change == "image":
        save(files.t1, head + np.int16(1))
    elif change == "setting":
        asked += ["--set", 'arguments=["--3T"]']
    elif change == "seed":
        asked += ["--seed", 5]
    elif change == "mask":
        asked += ["--mask", files.mask]
    elif change == "result is gone":
        table.unlink()
    else:
        table.write_text(table.read_text().replace("2.5", "2.6"))
    refused = call(*asked)
    assert (refused.code, refused.out, fastsurfer()) == (2, "", 1)
    assert "exists already" in refused.err
    assert "--force" in refused.err
    outcome = call(*asked, "--force")
    assert (outcome.code, fastsurfer()) == (0, 2)
    assert "nothing to do" in call(*asked).err


@pytest.mark.usefixtures("no_picture")
def test_results_that_are_read_have_no_cache(call, files, freesurfer):
    asked = ["thickness", files.t1, "-o", files.folder / "out"]
    asked += ["--backend", "freesurfer", "--from", freesurfer]
    assert call(*asked).code == 0
    twice = call(*asked)
    assert (twice.code, "exists already" in twice.err) == (2, True)
    assert call(*asked, "--force").code == 0


@pytest.mark.usefixtures("no_picture")
def test_an_older_map_goes_when_there_is_none_now(call, files, head, tmp_path):
    folder = write_dldirect(tmp_path / "dl", 2.25)
    tool_map = folder / "T1w_norm_thickmap.nii.gz"
    save(tool_map, (head > 0).astype(np.float32))
    out = tmp_path / "out"
    asked = ["thickness", files.t1, "-o", out, "--backend", "dldirect", "--from", folder]
    assert call(*asked).code == 0
    assert len(written(out)) == 4
    tool_map.unlink()
    assert call(*asked, "--force").code == 0
    assert written(out) == results("dldirect", "tsv", "png", "json")


@pytest.mark.parametrize("backend", PROGRAMS)
def test_a_missing_tool_is_named_with_where_it_comes_from(call, files, tools, backend):
    before = set(files.folder.rglob("*"))
    outcome = call("thickness", files.t1, "-o", files.folder / "out", "--backend", backend, "-q")
    assert (outcome.code, outcome.out) == (69, "")
    message, hint = outcome.err.splitlines()
    assert message.startswith(f"error: program '{PROGRAMS[backend]}' of ")
    assert "https://" in hint
    assert hint.startswith("hint: install ")
    assert set(files.folder.rglob("*")) == before


def test_the_log_of_a_killed_tool_is_kept_and_named(call, files, tools):
    killed = "print('registering', flush=True); os.kill(os.getpid(), 9)"
    install(tools, PROGRAMS["fastsurfer"], killed)
    work = files.folder / "work"
    asked = ["thickness", files.t1, "-o", files.folder / "out", "--backend", "fastsurfer"]
    outcome = call(*asked, "--work", work, "-q")
    assert (outcome.code, outcome.out) == (1, "")
    assert "was killed by signal 9 and said: registering" in outcome.err
    (log,) = work.glob("*/fastsurfer.log")
    assert log.read_text() == "registering\n"
    assert str(log) in outcome.err
    assert not (files.folder / "out").exists()
    # Without a folder of its own it stays with the results.
    assert call(*asked, "-q").code == 1
    assert len(list((files.folder / "out").glob("fastsurfer-*/fastsurfer.log"))) == 1
    assert not written(files.folder / "out")


def test_nothing_measured_is_refused(call, files, tmp_path):
    folder = write_stats(tmp_path / "fs", "aparc", 2.5, 2.5)
    for path in (folder / "stats").iterdir():
        path.write_text(path.read_text().replace("1994 2.5", "1994 0.0"))
    asked = ["thickness", files.t1, "-o", tmp_path / "out", "--backend", "freesurfer", "-q"]
    outcome = call(*asked, "--from", folder)
    assert (outcome.code, outcome.out) == (65, "")
    assert "no thickness was measured in 'sub-01_T1w'" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_map_without_cortex_where_the_scan_lies_is_refused(call, files, tmp_path):
    folder = write_dldirect(tmp_path / "dl", 2.5)
    save(folder / "T1w_norm_thickmap.nii.gz", np.zeros((6, 6, 6), np.float32))
    asked = ["thickness", files.t1, "-o", tmp_path / "out", "--backend", "dldirect", "-q"]
    outcome = call(*asked, "--from", folder)
    assert (outcome.code, "shows no cortex where the T1 lies" in outcome.err) == (65, True)
    assert not (tmp_path / "out").exists()


def test_what_is_no_brain_is_refused(call, files, tmp_path):
    # The head of these tests is a ball of 14 mm.
    asked = ["thickness", files.t1, "-o", tmp_path / "out", "--segmenter", "kmeans"]
    outcome = call(*asked, "--skullstrip", "builtin", "-q")
    assert (outcome.code, outcome.out) == (65, "")
    assert "no brain" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--backend", "fsl"], 2, "'fsl' is not one of"),
        (["--backend", "freesurfer", "--segmenter", "atropos"], 2, "--segmenter means nothing"),
        (["--backend", "dldirect", "--skullstrip", "bet"], 2, "--skullstrip means nothing"),
        (["--from", "here"], 2, "--from means nothing to 'direct'"),
        (["--set", "direct.iterations=0"], 2, "iterations"),
        (["--set", "direct.iteration=9"], 2, "iteration"),
        (["--segmenter", "fast"], 2, "'fast' is not one of"),
        (["-q", "-v"], 2, "contradict each other"),
        (["--backend", "freesurfer", "--from", "nowhere"], 66, "'nowhere' does not exist"),
        (["--backend", "freesurfer", "--from", "here"], 65, "found no results of FreeSurfer"),
        (["--mask", "none.nii.gz"], 66, "none.nii.gz"),
    ],
)
def test_wrong_use(call, files, monkeypatch, options, code, words):
    monkeypatch.chdir(files.folder)
    (files.folder / "here").mkdir()
    before = set(files.folder.rglob("*"))
    outcome = call("thickness", files.t1, "-o", "out", *options)
    assert (outcome.code, outcome.out) == (code, "")
    assert words in outcome.err
    assert set(files.folder.rglob("*")) == before


def test_a_folder_that_is_a_file_is_refused(call, files, freesurfer):
    asked = ["--backend", "freesurfer", "--from", freesurfer]
    outcome = call("thickness", files.t1, "-o", files.mask, *asked)
    assert outcome.code == 2
    assert str(files.mask) in outcome.err


@pytest.mark.usefixtures("no_picture")
def test_nothing_half_written_stays(call, files, freesurfer, monkeypatch):
    def full(facts, path):
        msg = "no space is left"
        raise ConfigError(msg)

    asked = ["thickness", files.t1, "-o", files.folder / "out"]
    asked += ["--backend", "freesurfer", "--from", freesurfer]
    with monkeypatch.context() as patch:
        patch.setattr("brainfill.io.sidecar.write_sidecar", full)
        assert call(*asked).code == 2
    assert not (files.folder / "out").exists()
    assert call(*asked).code == 0


def test_dry_run_tells_and_writes_nothing(call, files, tools):
    before = set(files.folder.rglob("*"))
    asked = ["thickness", files.t1, "-o", files.folder / "out", "--mask", files.mask]
    outcome = call(*asked, "-n", "--set", "direct.iterations=20", "--segmenter", "kmeans")
    plan = json.loads(outcome.out)
    assert outcome.err == ""
    assert plan["inputs"] == [str(files.t1), str(files.mask)]
    names = results("direct", "nii.gz", "dseg", "tsv", "png", "json")
    assert plan["outputs"] == [str(files.folder / "out" / n) for n in _ordered(names)]
    assert plan["settings"]["direct"]["iterations"] == 20
    assert (plan["settings"]["segmenter"], plan["options"]["seed"]) == ("kmeans", 0)
    assert set(files.folder.rglob("*")) == before


def _ordered(names):
    """Map, regions, table, picture, record."""
    ends = ("thickness.nii.gz", "dseg.nii.gz", "tsv", "png", "json")
    return [next(n for n in names if n.endswith(end)) for end in ends]


@pytest.mark.usefixtures("no_picture")
def test_how_much_is_said(call, files, freesurfer):
    asked = ["thickness", files.t1, "--backend", "freesurfer", "--from", freesurfer, "-o"]
    assert call(*asked, files.folder / "a", "-q").err == ""
    usual = call(*asked, files.folder / "b").err
    assert "reading" in usual
    said = call(*asked, files.folder / "c", "-v").err
    assert "freesurfer: mean 2.60, left 2.50, right 2.70 mm; 68 regions measured" in said
    assert "regions measured" not in usual


def test_a_page_is_written_where_one_is_wanted(call, files, freesurfer):
    out = files.folder / "out"
    outcome = call(
        *("thickness", files.t1, "-o", out, "--backend", "freesurfer", "--from", freesurfer),
        "--report",
    )
    assert outcome.code == 0
    assert written(out) == results("freesurfer", "tsv", "png", "json", "html")
    page = (out / "sub-01_desc-freesurfer_thickness.html").read_text(encoding="utf-8")
    assert "insula" in page
    assert "thickness, mean" in page


@pytest.mark.usefixtures("no_picture", "fastsurfer")
def test_a_page_can_be_had_later(call, files, monkeypatch):
    out = files.folder / "out"
    words = ("thickness", files.t1, "-o", out, "--backend", "fastsurfer")
    assert call(*words, "--report").code == 0
    page = out / "sub-01_desc-fastsurfer_thickness.html"
    before = page.read_bytes()
    page.unlink()
    monkeypatch.setattr("brainfill.cli.thickness.run_thickness", None)  # nothing is measured again
    outcome = call(*words, "--report")
    assert outcome.code == 0, outcome.err
    assert page.read_bytes() == before
    assert "was measured already" in outcome.err
