"""JSON and TOML that people and programs leave."""

import pytest

from brainfill.core import documents
from brainfill.core.documents import json_of, read_json, read_toml
from brainfill.core.errors import DataError, InputMissingError
from brainfill.io.sidecar import write_sidecar

DEEP = "[" * 100_000


def test_json_is_read_as_it_was_written(tmp_path):
    facts = {"Seed": 0, "Warnings": ["5 µm"]}
    write_sidecar(facts, tmp_path / "x.json")
    assert read_json(tmp_path / "x.json") == facts


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "holds a list, expected a JSON object"),
        (b"null", "holds null, expected a JSON object"),
        (b"true", "holds true or false, expected a JSON object"),
        (b"1.5", "holds a number, expected a JSON object"),
        (b'"secret"', "holds text, expected a JSON object"),
        (b"", "is not JSON"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
        (DEEP.encode(), "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path, content, words):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DataError, match=words) as refused:
        read_json(tmp_path / "x.json")
    assert "x.json" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_document_without_end_is_read_only_as_far_as_a_document_may_go(monkeypatch):
    monkeypatch.setattr(documents, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match="more than 0 MiB"):
        documents.read_text(documents.Path("/dev/zero"))


@pytest.mark.parametrize("read", [read_json, read_toml])
def test_a_document_that_is_missing(tmp_path, read):
    with pytest.raises(InputMissingError, match="none"):
        read(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "words"), [("a = ", "is not TOML"), ("a = " + DEEP, "nested too deeply")]
)
def test_what_is_no_toml_is_refused(tmp_path, content, words):
    (tmp_path / "x.toml").write_text(content)
    with pytest.raises(DataError, match=words):
        read_toml(tmp_path / "x.toml")


def test_bytes_of_json_are_named(tmp_path):
    assert json_of(b"[1]", "pack") == [1]
    with pytest.raises(DataError, match="'pack' is not JSON"):
        json_of(b"{", "pack")
