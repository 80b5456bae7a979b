"""`brainfill study make` on files: outputs, and what is refused."""

import hashlib
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from brainfill.core import atomic

FILES = {"key.json", "manifest.json", "raters", "raters/README.txt", "raters/study.html"}


def tree(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*")}


def test_the_files_of_a_study(make_study, table):
    outcome = make_study()
    study = table.parent / "study"
    assert outcome.code == 0, outcome.err
    assert tree(study) == FILES
    assert {Path(line) for line in outcome.out.splitlines()} == {
        p for p in study.rglob("*") if p.is_file()
    }
    manifest = json.loads((study / "manifest.json").read_text())
    assert (manifest["Cases"], manifest["Questions"], manifest["Lesions"]) == (3, 3, 15)
    assert manifest["BrainfillArguments"]["seed"] == 0
    for source, found in manifest["SourcesSHA256"].items():
        assert hashlib.sha256(Path(source).read_bytes()).hexdigest() == found
    assert len(manifest["Sources"]) == 13
    # Five lesions of each case, not ten.
    assert len(manifest["Warnings"]) == 3
    assert "case 'case-ann' has only 5 lesions" in outcome.err


def test_what_raters_get_names_no_case_and_no_file(make_study, table):
    make_study()
    for path in (table.parent / "study" / "raters").iterdir():
        text = path.read_text()
        assert not [word for word in ("case-", ".nii", ".tsv", str(table.parent)) if word in text]


def test_same_seed_same_bytes(make_study, table):
    make_study(out="one")
    make_study(out="two")
    make_study("--seed", "1", out="three")
    one, two, three = (
        [
            (table.parent / out / name).read_bytes()
            for name in ("raters/study.html", "key.json", "manifest.json")
        ]
        for out in ("one", "two", "three")
    )
    assert one == two
    assert all(a != b for a, b in zip(one, three, strict=True))


def test_options_reach_the_page(make_study, table):
    make_study("--contrast", "FLAIR", "--convention", "neurological", "--free", "--candidates", "4")
    page = (table.parent / "study" / "raters" / "study.html").read_text()
    assert '"contrast":"FLAIR"' in page
    assert '"contrast":"T1w"' not in page
    assert '"convention":"neurological"' in page
    assert '"form":"free"' in page
    assert "right of the picture" in (
        table.parent / "study" / "raters" / "README.txt"
    ).read_text().replace("\n", " ")


def test_json_and_dry_run(call, make_study, table):
    planned = json.loads(make_study("--dry-run").out)
    assert not (table.parent / "study").exists()
    assert len(planned["inputs"]) == 13
    assert planned["options"]["candidates"] == 10
    made = json.loads(make_study("--json").out)
    assert made["Outputs"] == planned["outputs"]
    assert made["Form"] == "forced"


def test_existing_files_stay_unless_forced(make_study, table):
    make_study()
    before = (table.parent / "study" / "key.json").read_bytes()
    refused = make_study("--seed", "1")
    assert (refused.code, "--force" in refused.err) == (2, True)
    assert (table.parent / "study" / "key.json").read_bytes() == before
    assert make_study("--seed", "1", "--force").code == 0
    assert (table.parent / "study" / "key.json").read_bytes() != before


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("case-ann_t1w.nii.gz", "none.nii.gz", 66, "none.nii.gz"),
        ("\ncase-bob\t", "\ncase-ann\t", 65, "2 rows for case 'case-ann'"),
        ("\ncase-bob\t", "\nn/a\t", 65, "no name in the column case"),
        ("flair\t", "flare\t", 65, "column 'flare'"),
        ("case-ann_real.nii.gz", "n/a", 65, "case 'case-ann' of"),
        (
            "case-ann_synthetic.nii.gz",
            "case-ann_real.nii.gz",
            65,
            "case 'case-ann': it has no real lesion",
        ),
        ("case-ann_real.nii.gz", "case-ann_t1w.nii.gz", 65, "real_label or synthetic_label"),
    ],
)
def test_a_table_that_cannot_be_used(make_study, table, old, new, code, words):
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new))
    outcome = make_study()
    assert outcome.code == code, outcome.err
    assert words in outcome.err
    assert "hint:" in outcome.err
    assert not (table.parent / "study").exists()


def test_no_cases_and_no_table(call, make_study, table):
    table.write_text("case\tt1w\n")
    assert make_study().code == 65
    outcome = call("study", "make", table.parent / "no.tsv", "-o", table.parent / "study")
    assert outcome.code == 66


def test_labels_of_one_mask_for_both_kinds(make_study, table, case_folder):
    parts = [nib.load(case_folder / f"case-ann_{kind}.nii.gz") for kind in ("real", "synthetic")]
    real, synthetic = (np.asarray(part.dataobj) for part in parts)
    nib.save(
        nib.Nifti1Image(real * 3 + synthetic * 7, parts[0].affine), table.parent / "both.nii.gz"
    )
    table.write_text(
        "case\tt1w\treal\tsynthetic\treal_label\tsynthetic_label\n"
        "case-ann\tcase-ann_t1w.nii.gz\tboth.nii.gz\tboth.nii.gz\t3\t7\n"
    )
    assert make_study().code == 0
    key = json.loads((table.parent / "study" / "key.json").read_text())
    kinds = [lesion["kind"] for lesion in key["questions"]["q1"]["lesions"]]
    assert sorted(kinds) == ["real"] * 4 + ["synthetic"]
    table.write_text(table.read_text().replace("\t7\n", "\tx\n"))
    outcome = make_study("--force")
    assert (outcome.code, "label 'x'" in outcome.err) == (65, True)


def test_nothing_stays_if_writing_fails(make_study, table, monkeypatch):
    real = atomic._to_disk

    def full(path):
        if "manifest" in path.name:
            raise OSError(28, "No space left on device")
        real(path)

    monkeypatch.setattr(atomic, "_to_disk", full)
    outcome = make_study(out="deep/er/study")
    assert (outcome.code, "disk is full" in outcome.err) == (2, True)
    assert not (table.parent / "deep").exists()
