"""The JSON beside an output."""

import json
from pathlib import Path

import pytest

from brainfill.core.errors import ConfigError, DataError, InputMissingError
from brainfill.io.sidecar import beside, read_json, stem, versions, write_sidecar


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.nii", "a"),
        ("a.b.nii.gz", "a.b"),
        ("a.mgz", "a"),
        ("A.NII.GZ", "A"),
        ("a.txt", "a.txt"),
        (".nii.gz", ""),
    ],
)
def test_stem(name, expected):
    assert stem(Path("folder.nii") / name) == expected


def test_beside_stays_in_the_folder():
    assert beside(Path("a.b/x_T1w.nii.gz"), ".tsv") == Path("a.b/x_T1w.tsv")


def test_sidecar_is_json_with_a_last_newline(tmp_path):
    facts = {"Seed": 0, "Warnings": ["5 µm"], "Range": [0.5, 2]}
    write_sidecar(facts, tmp_path / "x.json")
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads(text) == facts
    assert text.endswith("}\n")
    assert "µ" in text


def test_what_json_cannot_hold_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_sidecar({"x": float("nan")}, tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_no_folder_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        write_sidecar({}, tmp_path / "no" / "x.json")


def test_json_is_read_as_it_was_written(tmp_path):
    facts = {"Seed": 0, "Warnings": ["5 µm"]}
    write_sidecar(facts, tmp_path / "x.json")
    assert read_json(tmp_path / "x.json") == facts


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is not JSON"), ("[1]", "expected a JSON object"), ("", "is not JSON")],
)
def test_what_is_no_json_object_is_refused(tmp_path, text, words):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=words) as refused:
        read_json(tmp_path / "x.json")
    assert "x.json" in str(refused.value)


def test_json_that_is_missing(tmp_path):
    with pytest.raises(InputMissingError, match=r"x\.json"):
        read_json(tmp_path / "x.json")


def test_versions_of_what_is_installed():
    found = versions(["pytest", "no-such-package"])
    assert found == {"pytest": pytest.__version__}
