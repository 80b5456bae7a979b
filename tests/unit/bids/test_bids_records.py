"""Records: what holds, and when a file is read again."""

import os
import time

import pytest

from brainfill.bids import records
from brainfill.bids.records import Record, StepRecord, fingerprint, read_record
from brainfill.core.errors import InputMissingError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(b"one")
    os.utime(path, (time.time() - 60,) * 2)
    return path


@pytest.fixture
def reads(monkeypatch):
    """Which files were read through."""
    found = []
    sha256 = records.sha256

    def counted(path):
        found.append(path)
        return sha256(path)

    monkeypatch.setattr(records, "sha256", counted)
    return found


def test_a_record_comes_back(tmp_path, file):
    record = Record(tmp_path / "r.json", {"Status": "done"})
    record.checksums([file])
    record.steps["fill"] = StepRecord("f", {"a/b.nii.gz": 3}, 1.5, {"LesionCount": 2})
    record.save()
    assert read_record(record.path) == record


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"Steps": 3, "Inputs": {}}', '{"Steps": {"a": {}}}']
)
def test_a_file_of_another_form_says_nothing(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_text(text)
    assert read_record(path) == Record(path)


def test_an_unchanged_file_is_read_once(tmp_path, file, reads):
    record = Record(tmp_path / "r.json")
    first = record.checksums([file])
    assert record.checksums([file]) == first
    assert reads == [file]


def test_a_file_of_the_same_size_and_another_time_is_read_again(tmp_path, file, reads):
    record = Record(tmp_path / "r.json")
    first = record.checksums([file])
    file.write_bytes(b"two")
    os.utime(file, (time.time() - 30,) * 2)
    assert record.checksums([file]) != first
    assert len(reads) == 2


def test_a_file_that_just_changed_is_not_trusted(tmp_path, file, reads):
    file.write_bytes(b"new")
    record = Record(tmp_path / "r.json")
    record.checksums([file])
    record.checksums([file])
    assert len(reads) == 2


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputMissingError, match="cannot be read: No such file"):
        Record(tmp_path / "r.json").checksums([tmp_path / "none"])


def test_a_step_holds_as_long_as_its_outputs_do(tmp_path):
    (tmp_path / "a").write_bytes(b"123")
    step = StepRecord("f", {"a": 3}, 1.0)
    assert step.holds("f", tmp_path)
    assert not step.holds("g", tmp_path)
    (tmp_path / "a").write_bytes(b"12")
    assert not step.holds("f", tmp_path)
    (tmp_path / "a").unlink()
    assert not step.holds("f", tmp_path)


def test_fingerprints_tell_apart_what_differs():
    assert fingerprint(a=1, b=2) == fingerprint(b=2, a=1)
    assert len({fingerprint(a=a, b=b) for a in (1, 2) for b in ([], ["x"])}) == 4
