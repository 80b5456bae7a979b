import errno
import os
from pathlib import Path

import pytest

from brainfill.core.atomic import replacing
from brainfill.core.errors import ConfigError


def test_the_file_appears_only_at_the_end(tmp_path):
    out = tmp_path / "a.nii.gz"
    with replacing(out) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".nii.gz")
        assert not out.exists()
    assert out.read_text() == "new"
    assert list(tmp_path.iterdir()) == [out]


def write_then_raise(out, error):
    with replacing(out) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_nothing_stays_when_it_goes_wrong(tmp_path, error):
    old = tmp_path / "old.nii"
    old.write_text("old")
    for out in (old, tmp_path / "new.nii"):
        with pytest.raises(error):
            write_then_raise(out, error)
        assert list(tmp_path.iterdir()) == [old]
        assert old.read_text() == "old"


def test_missing_folder_and_folder_as_file(tmp_path):
    with (
        pytest.raises(ConfigError, match="does not exist") as error,
        replacing(tmp_path / "no/a.nii"),
    ):
        pytest.fail("the block must not run")
    assert "mkdir -p" in error.value.hint
    with pytest.raises(ConfigError, match="it is a folder"), replacing(tmp_path):
        pytest.fail("the block must not run")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is not a folder"), replacing(tmp_path / "file/a.nii"):
        pytest.fail("the block must not run")


def test_read_only_folder(tmp_path, monkeypatch):
    tmp_path.chmod(0o555)
    monkeypatch.setattr(os, "access", lambda *_: False)  # an administrator may write anywhere
    try:
        with pytest.raises(ConfigError, match="not writable"), replacing(tmp_path / "a.nii"):
            pytest.fail("the block must not run")
    finally:
        tmp_path.chmod(0o755)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "not writable"),
    ],
)
def test_refusals_of_the_system_become_sentences(tmp_path, number, words):
    with pytest.raises(ConfigError, match=words) as error:
        write_then_raise(tmp_path / "a.nii", OSError(number, os.strerror(number)))
    assert error.value.exit_code == 2
    assert error.value.hint
    assert not list(tmp_path.iterdir())


def test_a_full_disk_noticed_late_is_a_refusal_too(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(ConfigError, match="disk is full"),
        replacing(tmp_path / "a.nii") as temporary,
    ):
        temporary.write_text("all")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_takes_no_files_is_named(tmp_path, monkeypatch):
    """As /proc says it, which looks like any writable folder."""

    def touch(path, **_):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    monkeypatch.setattr(Path, "touch", touch)
    with pytest.raises(ConfigError, match="takes no new files") as error, replacing(tmp_path / "a"):
        pytest.fail("the block must not run")
    assert error.value.exit_code == 2


def test_other_errors_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a.nii"):
        Path(tmp_path / "input that vanished").read_bytes()
    assert not list(tmp_path.iterdir())


def test_long_names_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="too long"), replacing(tmp_path / ("a" * 250 + ".nii")):
        pytest.fail("the block must not run")


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with replacing(tmp_path / "a.nii") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "a.nii").stat().st_mode == (tmp_path / "plain").stat().st_mode
