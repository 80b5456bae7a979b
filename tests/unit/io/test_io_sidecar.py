"""The JSON beside an output."""

import json
from pathlib import Path

import pytest

from brainfill.core.errors import ConfigError
from brainfill.io.sidecar import beside, stem, versions, write_sidecar


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


def test_versions_of_what_is_installed():
    found = versions(["pytest", "no-such-package"])
    assert found == {"pytest": pytest.__version__}
