"""Unfinished files and their place: of nobody else, and nowhere else."""

import pytest

from brainfill.bids.records import inside
from brainfill.bids.stage import folders, publish, staged
from brainfill.core.errors import ConfigError


def test_datasets_share_a_folder_of_unfinished_files(tmp_path):
    work = tmp_path / "work"
    (work / "sub-01.backup").mkdir(parents=True)
    one, other = (folders(tmp_path / out, str(work)).work for out in ("a", "b"))
    with staged(one, "sub-01") as first, staged(other, "sub-01") as second:
        assert first.is_dir()
        assert second.is_dir()
    assert not first.exists()
    assert (work / "sub-01.backup").is_dir()


def test_what_a_killed_run_left_of_a_scan_goes_and_of_no_other(tmp_path):
    for left in ("sub-01.abc", "sub-01_acq-a.abc"):
        (tmp_path / left).mkdir()
    with staged(tmp_path, "sub-01") as stage:
        names = {p.name for p in tmp_path.iterdir()}
    assert names == {stage.name, "sub-01_acq-a.abc"}


def test_publishing_leaves_unfinished_files_of_other_scans(tmp_path):
    stage, out = tmp_path / "stage", tmp_path / "out"
    for folder in (stage, out):
        folder.mkdir()
    (stage / "sub-01_T1w.nii.gz").write_text("new")
    dead = out / ".part-0123abcd-sub-01_T1w.nii.gz"
    alive = [
        out / ".part-0123abcd-sub-01_acq-a_T1w.nii.gz",
        out / ".part-0123abcd-x-sub-01_T1w.nii.gz",
    ]
    for path in (dead, *alive):
        path.touch()
    assert publish(stage, lambda name: out / name, out, ()) == [out / "sub-01_T1w.nii.gz"]
    assert not dead.exists()
    assert all(path.exists() for path in alive)


def test_nothing_is_written_where_links_lead_out(tmp_path):
    stage, out, other = (tmp_path / name for name in ("stage", "out", "other"))
    for folder in (stage, out, other):
        folder.mkdir()
    (stage / "a.nii.gz").write_text("new")
    (out / "sub-01").symlink_to(other)
    with pytest.raises(ConfigError, match="leads out of"):
        publish(stage, lambda name: out / "sub-01/anat" / name, out, ())
    assert list(other.iterdir()) == []
    assert inside(out, "sub-01/a.nii.gz") is None


def test_a_dataset_behind_a_link_is_inside_itself(tmp_path):
    (tmp_path / "real/sub-01").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "real")
    assert inside(tmp_path / "out", "sub-01/a") == tmp_path / "out/sub-01/a"
