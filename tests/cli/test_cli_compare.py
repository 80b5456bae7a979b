"""`brainfill compare`: what it writes and says, and what it refuses."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from cli_files import AFFINE, save

import brainfill
from brainfill.io.tables import read_table

HEADER = "region\themisphere\tmean_mm\tsd_mm\tvoxels\tvolume_ml\tlabel\n"
FILES = {
    *("regions.tsv", "subjects.tsv", "measurements.tsv", "comparison.json"),
    *("bland-altman.svg", "box-plots.svg"),
}


def write(folder, name, left, right, backend="demo"):
    """A result of two regions; its path."""
    table = folder / f"{name}.tsv"
    table.write_text(
        f"{HEADER}insula\tleft\t{left}\t0.4\t900\t0.9\t103\ninsula\tright\t{right}\t0.4\t800\t0.8\t102\n"
    )
    (folder / f"{name}.json").write_text(json.dumps({"Backend": backend}))
    return table


@pytest.fixture
def two(tmp_path):
    return [write(tmp_path, "before", 2, 3), write(tmp_path, "after", 3, 3)]


@pytest.fixture
def images(tmp_path):
    """Label map and lesion mask; the lesion lies in the left insula."""
    labels, lesion = np.zeros((16, 14, 12), np.int16), np.zeros((16, 14, 12), np.uint8)
    labels[9:14, 4:10, 3:9], labels[2:7, 4:10, 3:9] = 103, 102  # the first axis points to the left
    lesion[12, 6, 5] = 1
    return [save(tmp_path / "atlas.nii.gz", labels), save(tmp_path / "lesion.nii.gz", lesion)]


def cohort(folder, name, shift, n=4):
    """A list of pairs; its path."""
    lines = ["subject\tbefore\tafter"]
    for i in range(n):
        before = write(folder, f"{name}{i}_before", 2 + i / 10, 3)
        after = write(folder, f"{name}{i}_after", 2 + i / 10 + shift, 3)
        lines.append(f"p{i}\t{before.name}\t{after.name}")
    path = folder / f"{name}.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_two_results_by_hand(call, two, tmp_path):
    out = tmp_path / "new" / "out"
    outcome = call("compare", *two, "-o", out)
    assert outcome.code == 0
    assert {p.name for p in out.iterdir()} == FILES
    assert outcome.out.splitlines() == [
        str(out / name) for name in json.loads(_names(outcome.out, out))
    ]
    left, right = read_table(out / "regions.tsv")
    assert (left["change_pct"], right["change_pct"]) == ("20", "0")
    assert (left["wilcoxon_p"], left["near_lesion"]) == ("n/a", "n/a")
    facts = json.loads((out / "comparison.json").read_text())
    assert facts["ROIAverage"]["ChangePct"] == pytest.approx(10)
    assert facts["GlobalMean"]["ChangePct"] == pytest.approx(10)
    assert set(facts["SourcesSHA256"]) == {str(p) for p in two}
    assert "no region map was drawn" in outcome.err
    assert "ROI average         10.00 %, 2 regions" in outcome.err


def _names(text, out):
    names = [line.removeprefix(f"{out}/") for line in text.splitlines()]
    assert set(names) == FILES
    return json.dumps(names)


def test_lesion_and_labels(call, two, images, tmp_path):
    atlas, lesion = images
    out = tmp_path / "out"
    outcome = call(
        "compare", *two, "-o", out, "--labels", atlas, "--lesion", lesion, "--near-mm", 2, "--json"
    )
    facts = json.loads(outcome.out)
    assert facts["NearLesion"]["ChangePct"] == pytest.approx(20)
    assert facts["FarFromLesion"]["ChangePct"] == 0
    assert facts["Warnings"] == []
    assert ET.parse(out / "region-map.svg").getroot().tag.endswith("svg")  # noqa: S314 - made here
    left, right = read_table(out / "measurements.tsv")
    assert left["distance_to_lesion_mm"] == "0"
    assert float(right["distance_to_lesion_mm"]) == 6  # voxels 12 and 6, of 1 mm
    call("compare", *two, "-o", out, "--force")
    assert not (out / "region-map.svg").exists(), "an older map would be wrong now"


def test_a_cohort_against_its_floor(call, images, tmp_path):
    atlas, lesion = images
    pairs, null = cohort(tmp_path, "pairs", 0.02), cohort(tmp_path, "null", 0.2)
    text = pairs.read_text().splitlines()
    added = [f"{text[0]}\tlesion\tlabels"] + [f"{t}\t{lesion.name}\t{atlas.name}" for t in text[1:]]
    pairs.write_text("\n".join(added) + "\n")
    outcome = call("compare", "--pairs", pairs, "--null", null, "-o", tmp_path / "out")
    assert outcome.code == 0
    assert "filling not needed for this tool" in outcome.err
    facts = json.loads((tmp_path / "out/comparison.json").read_text())
    assert facts["Verdict"]["FillingNeeded"] is False
    assert facts["People"] == facts["NoiseFloor"]["People"] == 4
    low, high = facts["ROIAverage"]["IntervalPct"]
    assert low < facts["ROIAverage"]["ChangePct"] < high
    assert len(read_table(tmp_path / "out/subjects.tsv")) == 4
    other_way = call("compare", "--pairs", null, "--null", pairs, "-o", tmp_path / "o", "-q")
    assert (other_way.code, "region map" in other_way.err) == (0, True)
    assert "--near" not in other_way.err
    facts = json.loads((tmp_path / "o/comparison.json").read_text())
    assert facts["Verdict"]["AboveFloor"] == ["GlobalMean", "ROIAverage"]


def test_the_same_twice(call, tmp_path):
    pairs = cohort(tmp_path, "pairs", 0.1)
    contents = []
    for name in "ab":
        call("compare", "--pairs", pairs, "-o", tmp_path / name, "--seed", 3)
        contents.append({p.name: p.read_bytes() for p in (tmp_path / name).glob("*.[ts]*")})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 5


def test_two_pipelines_are_refused(call, two, tmp_path):
    write(tmp_path, "after", 3, 3, backend="other")
    outcome = call("compare", *two, "-o", tmp_path / "out")
    assert (outcome.code, outcome.out) == (65, "")
    assert "before.tsv" in outcome.err
    assert "after.tsv" in outcome.err
    assert not list((tmp_path / "out").glob("*"))


def test_dry_run_writes_nothing(call, two, tmp_path):
    before = set(tmp_path.iterdir())
    outcome = call("compare", *two, "-o", tmp_path / "out", "-n", "--near-mm", 7)
    plan = json.loads(outcome.out)
    assert plan["options"]["near_mm"] == 7
    assert plan["pairs"] == [{"subject": "before.tsv", "before": str(two[0]), "after": str(two[1])}]
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "found none"),
        (["before.tsv"], 2, "expected two thickness results"),
        (["before.tsv", "after.tsv", "--pairs", "pairs.tsv"], 2, "without any"),
        (["before.tsv", "after.tsv", "--lesion", "lesion.nii.gz"], 2, "no --labels"),
        (["--pairs", "pairs.tsv", "--lesion", "lesion.nii.gz"], 2, "columns of the table"),
        (["before.tsv", "none.tsv"], 66, "none.tsv"),
        (["--pairs", "none.tsv"], 66, "none.tsv"),
        (["before.tsv", "lesion.nii.gz"], 65, "not text"),
        (["before.tsv", "after.tsv", "--labels", "scan.nii"], 65, "no whole numbers"),
    ],
)
def test_wrong_use(call, two, images, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    cohort(tmp_path, "pairs", 0.1, n=2)
    save(tmp_path / "scan.nii", np.full((16, 14, 12), 0.5, np.float32))
    outcome = call("compare", *arguments, "-o", "out")
    assert (outcome.code, outcome.out) == (code, "")
    assert words in outcome.err
    assert not list((tmp_path / "out").glob("*"))


def test_images_that_do_not_fit_name_both(call, two, images, tmp_path):
    atlas, lesion = images
    save(lesion, np.ones((16, 14, 12), np.uint8), AFFINE + np.diag([0, 0, 0.2, 0]))
    outcome = call("compare", *two, "-o", tmp_path / "out", "--labels", atlas, "--lesion", lesion)
    assert outcome.code == 65
    assert "lesion.nii.gz" in outcome.err
    assert "atlas.nii.gz" in outcome.err


def test_one_lesion_of_a_mask_with_several(call, two, images, tmp_path):
    atlas, lesion = images
    several = np.zeros((16, 14, 12), np.uint8)
    several[12, 6, 5], several[4, 6, 5] = 1, 2
    save(lesion, several)
    arguments = ["compare", *two, "-o", tmp_path / "out", "--labels", atlas, "--lesion", lesion]
    assert "--label" in call(*arguments).err
    facts = json.loads(call(*arguments, "--label", 2, "--near-mm", 2, "--json").out)
    assert facts["NearLesion"]["ChangePct"] == 0  # the right insula, which did not change
    assert facts["BrainfillArguments"]["label"] == 2


def test_a_label_map_of_other_regions(call, two, images, tmp_path):
    save(images[0], np.full((16, 14, 12), 7, np.int16))
    for more in ([], ["--lesion", images[1]]):
        outcome = call("compare", *two, "-o", tmp_path / "out", "--labels", images[0], *more)
        assert (outcome.code, "none of the 2 regions" in outcome.err) == (65, True)
        assert "atlas.nii.gz" in outcome.err


def test_a_lesion_without_labels_in_a_list(call, tmp_path, images):
    pairs = cohort(tmp_path, "pairs", 0.1, n=2)
    lines = pairs.read_text().splitlines()
    pairs.write_text(
        "\n".join([f"{lines[0]}\tlesion", *(f"{t}\tlesion.nii.gz" for t in lines[1:])])
    )
    outcome = call("compare", "--pairs", pairs, "-o", tmp_path / "out")
    assert (outcome.code, "'p0' has a lesion mask and no label map" in outcome.err) == (65, True)


def test_existing_outputs_are_kept(call, two, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/regions.tsv").write_text("mine")
    outcome = call("compare", *two, "-o", tmp_path / "out")
    assert (outcome.code, "--force" in outcome.err) == (2, True)
    assert (tmp_path / "out/regions.tsv").read_text() == "mine"


def test_python_gives_what_the_command_writes(call, two, tmp_path):
    call("compare", *two, "-o", tmp_path / "out")
    heard = []
    found = brainfill.compare(*two, warn=heard.append)
    facts = json.loads((tmp_path / "out/comparison.json").read_text())
    facts.pop("RuntimeSeconds")
    assert found.facts == facts
    assert heard == facts["Warnings"]
    assert found.files["box-plots.svg"] == (tmp_path / "out/box-plots.svg").read_bytes()
    with pytest.raises(brainfill.core.errors.ConfigError, match="no option 'near'"):
        brainfill.compare(*two, near=3)
