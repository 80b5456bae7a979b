"""`brainfill study score` on files: figures, what is refused, and a key that cannot be changed."""

import csv
import json

import pytest

from brainfill.study.key import key_from


def answer(study, rater, choose, path):
    """Write answers to a study; `choose` gives the choice for a question of the key, or None."""
    key = json.loads((study / "key.json").read_text())
    manifest = json.loads((study / "manifest.json").read_text())
    choices = {name: choose(question["lesions"]) for name, question in key["questions"].items()}
    saved = {
        "study": key["study"],
        "key_sha256": manifest["KeySHA256"],
        "form": key["form"],
        "rater": rater,
        "saved": "2026-01-02T03:04:05.678Z",
        "answers": {name: {"choice": c, "seconds": 1.5} for name, c in choices.items() if c},
    }
    path.write_text(json.dumps(saved))
    return path


def right(lesions):
    return 1 + [lesion["kind"] for lesion in lesions].index("synthetic")


def wrong(lesions):
    return 1 + [lesion["kind"] for lesion in lesions].index("real")


@pytest.fixture
def study(make_study, table):
    """A study with the answers of three raters."""
    make_study()
    folder = table.parent / "study"
    files = [
        answer(folder, "Ann", right, folder / "ann.json"),
        answer(folder, "Bob", wrong, folder / "bob.json"),
        answer(folder, "Cem", lambda lesions: None, folder / "cem.json"),
    ]
    return folder, files


def test_a_table_of_raters(call, study):
    folder, files = study
    outcome = call("study", "score", folder, *files)
    assert (outcome.code, outcome.err) == (0, "")
    rows = [line.split() for line in outcome.out.splitlines()]
    by_rater = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:4]}
    assert by_rater["Ann"]["hits"] == "3"
    assert by_rater["Ann"]["p_at_least"] == "0.008"  # (1/5)^3
    assert by_rater["Bob"]["hits"] == "0"
    assert (by_rater["Cem"]["missing"], by_rater["Cem"]["hit_rate"]) == ("3", "n/a")
    assert "forced choice" in outcome.out
    assert "Fleiss' kappa: n/a, on the 0 questions" in outcome.out


def test_files_of_a_score(call, study, tmp_path):
    folder, files = study
    out = tmp_path / "score.tsv"
    assert call("study", "score", folder, *files[:2], "-o", out).out.strip() == str(out)
    with out.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    assert [(row["rater"], row["hits"]) for row in rows] == [("Ann", "3"), ("Bob", "0")]
    facts = json.loads(out.with_suffix(".json").read_text())
    assert facts["Raters"][0]["p_at_least"] == pytest.approx(1 / 125)
    assert facts["Agreement"] == "Cohen's kappa"
    assert len(facts["Choices"]) == 3
    assert call("study", "score", folder, *files[:2], "-o", out).code == 2
    assert call("study", "score", folder, *files[:2], "-o", out, "--force").code == 0
    assert call("study", "score", folder, *files, "-o", tmp_path / "x.csv").code == 2
    printed = json.loads(call("study", "score", folder, *files[:2], "--json").out)
    assert printed == facts


def test_judged_one_by_one(call, make_study, table):
    make_study("--free", "--candidates", "4")
    folder = table.parent / "study"

    def say_synthetic(lesions):
        return 1 + (lesions[0]["kind"] == "synthetic")

    path = answer(folder, "Ann", say_synthetic, folder / "ann.json")
    facts = json.loads(call("study", "score", folder, path, "--json").out)
    row = facts["Raters"][0]
    assert (row["hit_rate"], row["sensitivity"], row["specificity"]) == (1, 1, 1)
    # 3 synthetic among 9: one of 84 ways to call three synthetic.
    assert row["p_at_least"] == pytest.approx(1 / 84)
    assert facts["Form"].startswith("no forced choice")


def test_a_key_changed_afterwards_is_found(call, study):
    folder, files = study
    key = folder / "key.json"
    plain = json.loads(key.read_text())
    lesions = plain["questions"]["q1"]["lesions"]
    lesions.append(lesions.pop(0))
    key.write_text(json.dumps(plain))
    outcome = call("study", "score", folder, *files)
    assert (outcome.code, "is not the one" in outcome.err) == (65, True)
    # With the manifest brought in line, the page still knows; without the page, the answers do.
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["KeySHA256"] = key_from(plain, "key").seal()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    outcome = call("study", "score", folder, *files)
    assert (outcome.code, "study.html" in outcome.err) == (65, True)
    (folder / "raters" / "study.html").unlink()
    outcome = call("study", "score", folder, *files)
    assert (outcome.code, "ann.json" in outcome.err) == (65, True)


def test_a_key_written_anew_with_other_spaces_is_the_same(call, study):
    folder, files = study
    key = folder / "key.json"
    key.write_text(json.dumps(json.loads(key.read_text())))
    assert call("study", "score", folder, *files).code == 0


def test_answers_that_do_not_belong(call, study, make_study, table):
    folder, files = study
    make_study("--seed", "9", out="other")
    other = answer(table.parent / "other", "Dan", right, table.parent / "dan.json")
    doubled = answer(folder, " ann", wrong, folder / "again.json")
    (folder / "broken.json").write_text("{")
    for path, code, words in [
        (other, 65, "belongs to the study"),
        (doubled, 65, "both of the rater"),
        (folder / "broken.json", 65, "not JSON"),
        (folder / "none.json", 66, "does not exist"),
        (folder / "manifest.json", 65, "does not hold the answers"),
    ]:
        outcome = call("study", "score", folder, files[0], path)
        assert (outcome.code, words in outcome.err) == (code, True), outcome.err
        assert outcome.out == ""


def test_no_study(call, tmp_path):
    outcome = call("study", "score", tmp_path / "none", tmp_path / "a.json")
    assert (outcome.code, "no folder" in outcome.err) == (66, True)
    outcome = call("study", "score", tmp_path, tmp_path / "a.json")
    assert (outcome.code, "key.json" in outcome.err) == (66, True)
    assert call("study").code == 2
