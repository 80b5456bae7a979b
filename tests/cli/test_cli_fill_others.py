"""`brainfill fill` with other contrasts and visits: what is written, and what is refused before anything is."""

import json

import nibabel as nib
import numpy as np
import pytest
from cli_files import save

PATCH = ("--method", "patch", "--dilate", 0)
TURNED = np.array([[1, -0.05, 0, 4], [0.05, 1, 0, -3], [0, 0, 1, 5.0], [0, 0, 0, 1]])


def loaded(path):
    return np.asarray(nib.load(path).dataobj)


@pytest.fixture
def person(tmp_path, brain, brain_grids):
    """T1, FLAIR on its grid and T2 on another, a second visit, and the masks of both visits; paths by name."""
    rng = np.random.default_rng(0)

    def grained(image):
        return image.data + rng.normal(0, 4, image.data.shape) * (image.data > 0)

    here, there = brain_grids["LAS"], brain_grids["oblique"]
    t1, t2 = brain(here), brain(there)
    second = brain(there, TURNED)
    data = {
        "t1": (grained(t1), here),
        "flair": (np.where(t1.data > 0, 900 - 0.6 * grained(t1), 0), here),
        "t2": (np.where(t2.data > 0, 1500 - 1.5 * grained(t2), 0), there),
        "v2": (grained(second), there),
    }
    places = here.to_world(np.argwhere(np.ones(here.shape, bool)).astype(float))
    lesion = (np.linalg.norm(places - (-18, 20, 15), axis=1) < 21).reshape(here.shape)
    data["t1"][0][lesion], data["flair"][0][lesion] = 200, 1500
    paths = {
        name: save(tmp_path / f"{name}.nii.gz", values.round().astype(np.int16), grid.affine)
        for name, (values, grid) in data.items()
    }
    paths["m1"] = save(tmp_path / "m1.nii.gz", lesion.astype(np.uint8), here.affine)
    paths["m2"] = save(tmp_path / "m2.nii.gz", np.zeros(there.shape, np.uint8), there.affine)
    return paths


def listing(folder):
    return sorted(p.name for p in folder.iterdir())


def test_contrasts_are_compared_and_filled(call, person, tmp_path):
    outcome = call(
        *("fill", person["t1"], person["m1"], *PATCH, "--flair", person["flair"]),
        *("--t2", person["t2"], "--also-fill", f"flair={person['flair']}", "--report"),
    )
    assert outcome.code == 0, outcome.err
    t1, flair = tmp_path / "t1_filled.nii.gz", tmp_path / "flair_filled.nii.gz"
    assert outcome.out.splitlines() == [str(t1), str(flair)]
    facts = json.loads((tmp_path / "t1_filled.json").read_text())
    assert facts["Companions"] == ["FLAIR", "T2w"]
    about = facts["Contrasts"]
    assert [(n, a["Registered"], a["Compared"]) for n, a in about.items()] == [
        ("FLAIR", False, True),
        ("T2w", True, True),
    ]
    assert about["FLAIR"]["MaxAbsDifferenceOutsideMask"] == 0
    assert 0 < about["FLAIR"]["VoxelsChanged"] <= about["FLAIR"]["FilledVoxels"]
    assert "FilledVoxels" not in about["T2w"]
    assert facts["Sources"] == [str(person[n]) for n in ("t1", "m1", "flair", "t2")]
    lesion = loaded(person["m1"]) > 0
    for path, filled in ((person["t1"], t1), (person["flair"], flair)):
        before, after = loaded(path), loaded(filled)
        np.testing.assert_array_equal(after[~lesion], before[~lesion])
        assert nib.load(filled).header == nib.load(path).header
    assert loaded(flair)[lesion].max() < 1000  # the lesion had 1500
    html = (tmp_path / "t1_filled.html").read_text()
    assert "Other contrasts" in html
    assert "FLAIR, before with what was filled outlined, and after." in html
    assert "Patches were compared in FLAIR and T2w as well." in html


def test_a_fill_of_another_contrast_goes_where_the_fill_goes(call, person, tmp_path):
    (tmp_path / "out").mkdir()
    out = tmp_path / "out/x.nii.gz"
    also = ("--also-fill", f"t2={person['t2']}")
    outcome = call("fill", person["t1"], person["m1"], *PATCH, "-o", out, *also, "--json")
    summary = json.loads(outcome.out)
    assert summary["Outputs"] == {
        "image": str(out),
        "T2w": str(tmp_path / "out/t2_filled.nii.gz"),
        "sidecar": str(tmp_path / "out/x.json"),
    }
    assert listing(tmp_path / "out") == ["t2_filled.nii.gz", "x.json", "x.nii.gz"]
    before, after = loaded(person["t2"]), loaded(tmp_path / "out/t2_filled.nii.gz")
    changed = int((before != after).sum())
    assert changed == summary["Contrasts"]["T2w"]["VoxelsChanged"]
    assert 0 < changed <= summary["Contrasts"]["T2w"]["FilledVoxels"]
    assert "Companions" not in summary


def test_visits_are_filled_together(call, person, tmp_path):
    visits = [person[name] for name in ("t1", "m1", "v2", "m2")]
    outcome = call("fill", "--visits", *visits, *PATCH, "--report")
    assert outcome.code == 0, outcome.err
    one, other = (tmp_path / f"{name}_filled.nii.gz" for name in ("t1", "v2"))
    assert outcome.out.splitlines() == [str(one), str(other)]
    assert [p for p in listing(tmp_path) if "_filled" in p] == [
        "t1_filled.html",
        "t1_filled.json",
        "t1_filled.nii.gz",
        "v2_filled.json",
        "v2_filled.nii.gz",
    ]
    records = [json.loads((tmp_path / f"{n}_filled.json").read_text()) for n in ("t1", "v2")]
    assert [r["LesionCount"] for r in records] == [1, 0]
    assert records[0]["Sources"] == [str(p) for p in visits]
    assert records[1]["Sources"] == [str(p) for p in visits[2:] + visits[:2]]
    np.testing.assert_array_equal(loaded(other), loaded(person["v2"]))
    lesion = loaded(person["m1"]) > 0
    np.testing.assert_array_equal(loaded(one)[~lesion], loaded(person["t1"])[~lesion])
    html = (tmp_path / "t1_filled.html").read_text()
    assert "Visit 1: t1, before" in html
    assert "Visit 2: v2, before" in html


def test_a_dry_run_of_visits_says_what_would_be_written(call, person, tmp_path):
    (tmp_path / "out").mkdir()
    before = listing(tmp_path)
    visits = [person[name] for name in ("t1", "m1", "v2", "m2")]
    outcome = call("fill", "--visits", *visits, "-o", tmp_path / "out", "--dry-run")
    plan = json.loads(outcome.out)["visits"]
    assert [p["outputs"]["image"] for p in plan] == [
        str(tmp_path / f"out/{name}_filled.nii.gz") for name in ("t1", "v2")
    ]
    assert [p["inputs"]["mask"] for p in plan] == [str(person["m1"]), str(person["m2"])]
    assert listing(tmp_path) == before


def refused(call, person, tmp_path, *arguments):
    """The outcome of a call that must fail and write nothing."""
    before = listing(tmp_path)
    words = [str(a).format(**person) for a in arguments]
    outcome = call("fill", *words)
    assert outcome.out == ""
    assert listing(tmp_path) == before
    return outcome


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("{t1}", "{m1}", "--flair", "{t1}"), "'t1.nii.gz' is given as two images"),
        (
            ("{t1}", "{m1}", "--flair", "{flair}", "--also-fill", "flair={t2}"),
            "two images are given as FLAIR: ",
        ),
        (("{t1}", "{m1}", "--also-fill", "pd={t2}"), "expects flair=IMAGE or t2=IMAGE, found 'pd="),
        (("{t1}", "{m1}", "--also-fill", "{t2}"), "expects flair=IMAGE or t2=IMAGE"),
        (
            ("{t1}", "{m1}", "--also-fill", "t2={t2}", "--also-fill", "t2={flair}"),
            "--also-fill names t2 twice",
        ),
        (
            ("{t1}", "{m1}", "--flair", "{flair}", "--method", "harmonic"),
            "--flair means nothing to the method 'harmonic'",
        ),
        (
            ("{t1}", "{m1}", "--t2", "{t2}", "--space", "mni"),
            "--t2 means nothing to --space mni",
        ),
        (
            ("--visits", "{t1}", "{m1}", "{v2}"),
            "T1 and mask of each of two visits or more, found 3",
        ),
        (("--visits", "{t1}", "{m1}"), "found 2 files"),
        (("--visits", "{t1}", "{m1}", "{t1}", "{m2}"), "'t1.nii.gz' is given as two images"),
        (
            ("--visits", "{t1}", "{m1}", "{v2}", "{m2}", "--method", "localmean"),
            "--visits means nothing to the method 'localmean'",
        ),
        (
            ("--visits", "{t1}", "{m1}", "{v2}", "{m2}", "--hole", "h.nii"),
            "--hole means nothing with --visits",
        ),
        (
            ("--visits", "{t1}", "{m1}", "{v2}", "{m2}", "-o", "x.nii.gz"),
            "-o names a folder, found 'x.nii.gz'",
        ),
        (("{t1}", "{m1}", "{v2}", "{m2}"), "more inputs than expected: "),
    ],
)
def test_contradictions(call, person, tmp_path, arguments, sentence):
    outcome = refused(call, person, tmp_path, *arguments)
    assert outcome.code == 2
    assert sentence in outcome.err


def test_a_missing_mask_of_a_visit(call, person, tmp_path):
    outcome = refused(call, person, tmp_path, "--visits", "{t1}", "{m1}", "{v2}", "none.nii")
    assert outcome.code == 66
    assert "'none.nii' does not exist" in outcome.err


def test_two_visits_of_one_name_need_folders_of_their_own(call, person, tmp_path):
    (tmp_path / "b").mkdir()
    twin = tmp_path / "b/t1.nii.gz"
    twin.write_bytes(person["v2"].read_bytes())
    visits = ("--visits", "{t1}", "{m1}", str(twin), "{m2}", "-o", str(tmp_path))
    outcome = refused(call, person, tmp_path, *visits)
    assert (outcome.code, "two outputs have the name" in outcome.err) == (2, True)


def test_a_contrast_of_another_person(call, person, tmp_path):
    values = loaded(person["flair"])
    head = values > 0
    values[head] = np.random.default_rng(0).permutation(values[head])
    other = save(tmp_path / "stranger.nii.gz", values, nib.load(person["flair"]).affine)
    outcome = refused(call, person, tmp_path, "{t1}", "{m1}", *PATCH, "--flair", str(other))
    assert outcome.code == 65
    assert "FLAIR does not show the same head as the image to fill" in outcome.err
    assert "another person" in outcome.err


def test_no_output_is_left_behind_when_one_cannot_be_written(call, person, tmp_path, monkeypatch):
    from brainfill.io import sidecar

    def fail(facts, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sidecar, "write_sidecar", fail)
    before = listing(tmp_path)
    also = ("--also-fill", f"flair={person['flair']}")
    assert call("fill", person["t1"], person["m1"], *PATCH, *also).code != 0
    assert listing(tmp_path) == before


def test_the_same_in_python(person):
    import brainfill

    options = {"method": "patch", "dilate": 0}
    flair = {"FLAIR": person["flair"]}
    done = brainfill.fill(person["t1"], person["m1"], contrasts=flair, also_fill=flair, **options)
    assert list(done.also) == ["FLAIR"]
    assert done.facts["Contrasts"]["FLAIR"]["VoxelsChanged"] > 0
    visits = [(person["t1"], person["m1"]), (nib.load(person["v2"]), nib.load(person["m2"]))]
    one, other = brainfill.fill_visits(visits, **options)
    changed = one.image.get_fdata() != loaded(person["t1"])
    assert changed.any()
    assert not changed[loaded(person["m1"]) == 0].any()
    assert other.facts["LesionCount"] == 0
