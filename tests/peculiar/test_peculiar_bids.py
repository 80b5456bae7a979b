"""BIDS datasets as people keep them, and what is left of earlier runs."""

import json
import os
from pathlib import Path

import pytest
from bids_cases import make_dataset, make_person
from peculiar import case

FAST = ("--method", "localmean", "--omp-nthreads", "1", "--no-report")
MASK = "label-lesion_mask.nii.gz"


@pytest.fixture
def raw(tmp_path):
    """An empty dataset."""
    return make_dataset(tmp_path / "raw", labels=())


@pytest.fixture
def bids(call, raw, tmp_path):
    """Run `brainfill bids` on the dataset."""

    def run(*more, level="participant"):
        return call("bids", raw, tmp_path / "out", level, *FAST, *more)

    return run


@pytest.fixture
def planned(bids):
    """The exit code of a dry run, and for each scan the names of its masks, or why it cannot be done."""

    def run(*more):
        outcome = bids("--dry-run", *more)
        scans = json.loads(outcome.out)["scans"]
        found = {
            Path(s["scan"]).name.partition("_T1w")[0]: s.get("failed")
            or [Path(m).name.removeprefix("sub-01_") for m in s["masks"]]
            for s in scans
        }
        return outcome, found

    return run


def touch(folder, *names):
    """Empty files of the person 01, by the end of their names."""
    for name in names:
        session = name.partition("_")[0] if name.startswith("ses-") else ""
        place = folder / "sub-01" / session / "anat"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"sub-01_{name}").touch()


@case("two acquisitions, a mask of one", "the other is refused by name; exit code 75")
def test_a_mask_of_another_acquisition(raw, planned):
    touch(raw, "acq-mprage_T1w.nii.gz", "ce-gadolinium_T1w.nii.gz", f"acq-mprage_{MASK}")
    outcome, found = planned()
    assert outcome.code == 75
    assert found["sub-01_acq-mprage"] == [f"acq-mprage_{MASK}"]
    assert "no lesion mask of 'sub-01_ce-gadolinium_T1w.nii.gz'" in found["sub-01_ce-gadolinium"]
    assert f"of other scans there are sub-01_acq-mprage_{MASK}" in found["sub-01_ce-gadolinium"]
    assert "error: 1 of 2 scans cannot be done: sub-01_ce-gadolinium" in outcome.err


@case("one scan more without `acq`, beside the one that the mask names", "it gets no mask")
def test_a_plain_scan_beside_an_acquisition(raw, planned):
    touch(raw, "acq-mprage_T1w.nii.gz", "T1w.nii.gz", f"acq-mprage_{MASK}")
    _, found = planned()
    assert found["sub-01_acq-mprage"] == [f"acq-mprage_{MASK}"]
    assert "no lesion mask of 'sub-01_T1w.nii.gz'" in found["sub-01"]


@case("`run-1` of a mask, `run-01` of a scan", "the same run")
def test_numbers_of_runs(raw, planned):
    touch(raw, "run-01_T1w.nii.gz", "run-02_T1w.nii.gz", f"run-1_{MASK}", f"run-002_{MASK}")
    outcome, found = planned()
    assert outcome.code == 0
    assert found == {"sub-01_run-01": [f"run-1_{MASK}"], "sub-01_run-02": [f"run-002_{MASK}"]}


@case("a mask that names none of two scans", "used for both, with a warning")
def test_a_shared_mask(raw, planned):
    touch(raw, "acq-a_T1w.nii.gz", "acq-b_T1w.nii.gz", MASK)
    outcome, found = planned()
    assert found == {"sub-01_acq-a": [MASK], "sub-01_acq-b": [MASK]}
    assert "names none of the person's scans in particular: sub-01_acq-a, sub-01_acq-b" in (
        outcome.err
    )


@case("a mask named after a scan in full (`sub-01_T1w_label-L_roi`)", "of that scan alone")
def test_a_mask_with_the_whole_name(raw, planned):
    touch(raw, "T1w.nii.gz", "acq-a_T1w.nii.gz", "T1w_label-L_roi.nii.gz")
    _, found = planned()
    assert found["sub-01"] == ["T1w_label-L_roi.nii.gz"]
    assert "no lesion mask of 'sub-01_acq-a_T1w.nii.gz'" in found["sub-01_acq-a"]


@case("one mask without `ses`, two sessions", "refused; `--share-masks` uses it for both")
def test_a_mask_without_session(raw, bids, planned):
    touch(raw, "ses-1_T1w.nii.gz", "ses-2_T1w.nii.gz", MASK)
    outcome = bids()
    assert outcome.code == 75
    assert "hint: --share-masks uses a mask whose name says no session for every session" in (
        outcome.err
    )
    assert planned("--share-masks")[1] == {"sub-01_ses-1": [MASK], "sub-01_ses-2": [MASK]}


@case("a session without T1w, a person without `anat`", "the others are filled, with a warning")
def test_missing_sessions(raw, planned):
    touch(raw, "ses-1_T1w.nii.gz", f"ses-1_{MASK}", f"ses-2_{MASK}")
    (raw / "sub-02" / "func").mkdir(parents=True)
    outcome, found = planned()
    assert outcome.code == 0
    assert found == {"sub-01_ses-1": [f"ses-1_{MASK}"]}
    assert "warning: without a T1w image that is wanted: 02" in outcome.err


@case("`part-phase` beside `part-mag`", "no T1w to fill")
def test_the_phase_is_no_scan(raw, planned):
    touch(raw, "part-mag_T1w.nii.gz", "part-phase_T1w.nii.gz", MASK)
    outcome, found = planned()
    assert (outcome.code, found) == (0, {"sub-01_part-mag": [MASK]})
    assert "warning" not in outcome.err


@case("`T1w.nii` beside `T1w.nii.gz`", "refused by name; exit code 75")
def test_one_scan_twice(raw, bids):
    touch(raw, "T1w.nii", "T1w.nii.gz", MASK)
    outcome = bids()
    assert outcome.code == 75
    for part in ("sub-01_T1w.nii'", "sub-01_T1w.nii.gz'", "are both there"):
        assert part in outcome.err


@case("masks in two derivatives, in the T1w's space and LST-AI's names", "joined, brains left out")
def test_masks_in_derivatives(raw, planned):
    touch(raw, "T1w.nii.gz")
    touch(raw / "derivatives/manual", f"space-T1w_{MASK}", "desc-brain_mask.nii.gz")
    place = raw / "derivatives/lst/sub-01"
    place.mkdir(parents=True)
    (place / "space-flair_seg-lst.nii.gz").touch()
    (raw / "derivatives/lst/dataset_description.json").write_text('{"GeneratedBy": "LST-AI"}')
    assert planned()[1] == {"sub-01": ["space-flair_seg-lst.nii.gz", f"space-T1w_{MASK}"]}


@case("a dataset that lies in a folder `ses-1` or `sub-2` itself", "these say nothing of its scans")
def test_where_the_dataset_lies(call, tmp_path):
    raw = make_dataset(tmp_path / "sub-2/ses-1/raw", labels=())
    touch(raw, "T1w.nii.gz", MASK)
    outcome = call("bids", raw, tmp_path / "out", "participant", *FAST, "--dry-run")
    assert outcome.code == 0
    assert [Path(m).name for m in json.loads(outcome.out)["scans"][0]["masks"]] == [
        f"sub-01_{MASK}"
    ]


@case("the only transform to T1w is of another person or session", "not taken")
def test_a_transform_of_somebody_else(raw, planned):
    flat = raw / "derivatives/flat"
    touch(raw, "ses-1_T1w.nii.gz", "ses-2_T1w.nii.gz")
    flat.mkdir(parents=True)
    (flat / f"sub-01_ses-1_space-MNI_{MASK}").touch()
    for who in ("sub-00", "sub-01_ses-2"):
        (flat / f"{who}_from-MNI_to-T1w_mode-image_xfm.h5").touch()
    outcome, found = planned()
    assert outcome.code == 75
    assert "lie in the space of a template" in found["sub-01_ses-1"]
    (flat / "sub-01_ses-1_from-MNI_to-T1w_mode-image_xfm.h5").touch()
    assert planned()[1]["sub-01_ses-1"] == [f"ses-1_space-MNI_{MASK}"]


@case("`participants.tsv` without columns, binary, or of other people", "not needed")
@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"participant_id\nsub-99\n", b"a\tb\n1\n"])
def test_an_odd_list_of_participants(raw, planned, content):
    touch(raw, "T1w.nii.gz", MASK)
    (raw / "participants.tsv").write_bytes(content)
    assert planned()[0].code == 0


@case(
    "labels `*`, `[a-z]*`, `0 1`, `../x`, `sub-`",
    "refused before they reach a pattern; exit code 2",
)
@pytest.mark.parametrize("label", ["*", "[a-z]*", "0 1", "../x", "sub-", "é\n"])
@pytest.mark.parametrize("option", ["--participant-label", "--session-label"])
def test_labels_that_are_none(raw, bids, label, option):
    touch(raw, "T1w.nii.gz", MASK)
    outcome = bids(f"{option}={label}")
    assert outcome.code == 2
    assert "is no label of BIDS" in outcome.err


@case(
    "folders `sub-*`, `sub-0 1`, `sub-\\xe9`, `ses-1_old`",
    "that scan fails by name, the others are done",
)
@pytest.mark.parametrize("odd", [b"sub-*", b"sub-0 1", b"sub-\xe9", b"sub-01/ses-1_old"])
def test_folders_whose_names_are_none(raw, bids, odd):
    make_person(raw, "01", empty=True)
    place = raw / os.fsdecode(odd) / "anat"
    place.mkdir(parents=True)
    (place / "sub-01_T1w.nii.gz").touch()
    outcome = bids("--json", "--on-empty", "skip")
    assert outcome.code == 75
    states = {s["Scan"]: s["Status"] for s in json.loads(outcome.out)["Scans"]}
    assert sorted(states.values()) == ["failed", "skipped"]
    assert states["sub-01"] == "skipped"
    assert "is no label of BIDS" in outcome.err
    assert bids(level="group").code == 0


@case("a T1w named `T1w.nii.gz`, or after another person", "fails by name")
@pytest.mark.parametrize("odd", ["T1w.nii.gz", "sub-02_T1w.nii.gz", "sub-011_T1w.nii.gz"])
def test_scans_named_after_nobody_or_another(raw, planned, odd):
    touch(raw, "T1w.nii.gz", MASK)
    (raw / "sub-01/anat" / odd).touch()
    outcome, found = planned()
    assert outcome.code == 75
    assert found["sub-01"] == [MASK]
    assert "does not begin with sub-01" in "".join(map(str, found.values()))


@case("a pipe, a folder or a device in place of the T1w", "fails by name, and is not waited for")
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file(raw, planned, kind):
    touch(raw, MASK)
    place = raw / "sub-01/anat/sub-01_T1w.nii.gz"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("/dev/zero")
    outcome, found = planned()
    assert outcome.code == 75
    assert "it is no file, but a folder, pipe or device" in found["sub-01"]


@case("pipes in place of descriptions and records", "not waited for")
def test_pipes_where_documents_are(raw, planned, tmp_path):
    touch(raw, "T1w.nii.gz", MASK)
    (raw / "derivatives/x").mkdir(parents=True)
    (tmp_path / "out/logs").mkdir(parents=True)
    os.mkfifo(raw / "derivatives/x/dataset_description.json")
    os.mkfifo(tmp_path / "out/logs/sub-01.json")
    assert planned()[0].code == 0


VICTIM = {"LesionVoxels": 8, "SkullStripped": False}


def record(out, outputs, **more):
    """A record of a fill that wrote these files; the fill is to be made anew."""
    step = {"fingerprint": "", "outputs": {}, "seconds": 1.0}
    steps = {"lesion": step | {"facts": VICTIM}, "fill": step | {"outputs": outputs, "facts": {}}}
    plain = {"Status": "done", "Message": "", "Inputs": {}, "Steps": steps} | more
    (out / "logs").mkdir(parents=True, exist_ok=True)
    (out / "logs/sub-01.json").write_text(json.dumps(plain))


@case(
    "a record whose outputs lead out of OUT_DIR (`../x`, absolute, `.html`)",
    "nothing outside is touched",
)
@pytest.mark.parametrize("path", ["../victim.html", "/{}/victim.html", "sub-01/../../victim.html"])
def test_a_record_that_leads_out(raw, bids, tmp_path, path):
    make_person(raw, "01", empty=True)
    victim = tmp_path / "victim.html"
    victim.write_text("<!-- related --><!-- /related -->")
    record(tmp_path / "out", {path.format(tmp_path): 33})
    outcome = bids("--on-empty", "skip")
    assert outcome.code == 0
    assert victim.read_text() == "<!-- related --><!-- /related -->"
    assert "is no record of this version: its 'Steps.fill.outputs'" in outcome.err


@case(
    "a folder in OUT_DIR that is a link to one outside", "nothing outside is touched; exit code 75"
)
def test_a_link_that_leads_out(raw, bids, tmp_path):
    make_person(raw, "01", empty=True)
    (tmp_path / "other/anat").mkdir(parents=True)
    victim = tmp_path / "other/anat/sub-01_desc-filled_T1w.nii.gz"
    victim.write_text("mine")
    record(tmp_path / "out", {"sub-01/anat/sub-01_desc-filled_T1w.nii.gz": 4})
    (tmp_path / "out/sub-01").symlink_to(tmp_path / "other")
    outcome = bids("--on-empty", "skip")
    assert outcome.code == 75
    assert "leads out of" in outcome.err
    assert victim.read_text() == "mine"
    assert [p.name for p in (tmp_path / "other").rglob("*") if p.is_file()] == [victim.name]


@case("records of other types or versions", "`group` skips them and says so")
@pytest.mark.parametrize(
    "more",
    [
        {"Steps": {"lesion": {"fingerprint": "", "outputs": {}, "seconds": 1.0, "facts": {}}}},
        {"Steps": {"fill": {"fingerprint": 3, "outputs": [], "seconds": "1"}}},
        {"Status": ["done"]},
        {"Inputs": None},
        {"Steps": {"fill": {"fingerprint": "", "outputs": {}, "seconds": float("nan")}}},
        {"Masks": 3},
        {"Message": "\ud800"},
    ],
)
def test_records_of_another_form(raw, bids, tmp_path, more):
    make_person(raw, "01")
    make_person(raw, "02")
    out = tmp_path / "out"
    record(out, {}, **more)
    good = {"Status": "skipped", "Message": "", "Inputs": {}, "Steps": {}}
    (out / "logs/sub-02.json").write_text(json.dumps(good))
    outcome = bids(level="group")
    assert outcome.code == 0
    assert "logs/sub-01.json'" in outcome.err
    rows = [line.split("\t") for line in (out / "group_T1w.tsv").read_text().splitlines()]
    assert [row[3] for row in rows[1:]] == ["none", "skipped"]


@case(
    "filters with numbers, null and lists", "run 1 is `run-01`, null is without, a list any of them"
)
@pytest.mark.parametrize(
    ("wanted", "right"),
    [
        ({"run": 1}, ["sub-01_run-01"]),
        ({"run": [1, 2]}, ["sub-01_run-01", "sub-01_run-02"]),
        ({"run": None, "acquisition": "a"}, ["sub-01_acq-a"]),
        ({"run": [None, 2]}, ["sub-01_acq-a", "sub-01_run-02"]),
    ],
)
def test_filters(raw, planned, tmp_path, wanted, right):
    touch(raw, "run-01_T1w.nii.gz", "run-02_T1w.nii.gz", "acq-a_T1w.nii.gz", MASK)
    (tmp_path / "f.json").write_text(json.dumps({"t1w": wanted}))
    assert list(planned("--bids-filter-file", tmp_path / "f.json")[1]) == right


@case(
    "filters of other types: `5`, `null`, `true`, `1.5`, NaN, `[]`, `{}` inside, `*`",
    "a sentence, exit code 2",
)
@pytest.mark.parametrize(
    "filters",
    [
        {"t1w": 5},
        {"t1w": None},
        {"t1w": ["run"]},
        {"lesion": {"run": True}},
        {"t1w": {"run": 1.5}},
        {"t1w": {"run": float("nan")}},
        {"t1w": {"run": []}},
        {"t1w": {"run": {"a": 1}}},
        {"t1w": {"run": [[1]]}},
        {"t1w": {"acquisition": "*"}},
        {"": {}},
    ],
)
def test_filters_of_other_types(raw, bids, tmp_path, filters):
    touch(raw, "T1w.nii.gz", MASK)
    (tmp_path / "f.json").write_text(json.dumps(filters))
    outcome = bids("--bids-filter-file", tmp_path / "f.json")
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")


@case("TOML with infinity, NaN, dates, tables, numbers for text", "a sentence, exit code 2")
@pytest.mark.parametrize(
    "line",
    [
        "mem-gb = inf",
        "mem-gb = nan",
        "smooth_if = inf",
        "smooth_if = nan",
        "dilate = 1979-05-27",
        "random_seed = 2147483647",
        "random_seed = -1",
        "quality = 3",
        "participant_label = [1, 2]",
        "participant_label = '01'",
        "thickness_mask = 'yes'",
        "[steps]\na = 1",
        "label = 'a'",
    ],
)
def test_toml_of_other_types(raw, bids, tmp_path, line):
    touch(raw, "T1w.nii.gz", MASK)
    (tmp_path / "c.toml").write_text(line)
    outcome = bids("--config-file", tmp_path / "c.toml")
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert not (tmp_path / "out").exists()


@case("folders with a user's name", "no page tells them")
@pytest.mark.slow
def test_pages_tell_no_folders(call, tmp_path):
    home = tmp_path / "jo doe"
    raw = make_dataset(home / "raw", labels=("01",))
    (home / "out").mkdir()
    options = [o for o in FAST if o != "--no-report"]
    assert call("bids", raw, home / "out", "participant", *options).code == 0
    assert call("bids", raw, home / "out", "group").code == 0
    pages = {p.name: p.read_text() for p in (home / "out").glob("*.html")}
    assert sorted(pages) == ["group_T1w.html", "sub-01.html"]
    for text in pages.values():
        assert "jo doe" not in text
        assert str(tmp_path) not in text
        assert "raw:sub-01/anat/sub-01_label-lesion_roi.nii.gz" in text
