"""Thickness results, label maps and lists of pairs from files."""

import json

import nibabel as nib
import numpy as np
import pytest

from brainfill.core.errors import DataError, InputMissingError
from brainfill.io.thickness import (
    PairFiles,
    read_labels,
    read_pairs,
    read_thickness,
    region_numbers,
)
from brainfill.thickness.tables import Region

TABLE = (
    "region\themisphere\tmean_mm\tsd_mm\tvoxels\tvolume_ml\n"
    "insula\tleft\t2.5\t0.4\t900\t0.9\n"
    "insula\tright\tn/a\tn/a\t0\t0\n"
)
LEFT, RIGHT = Region("insula", "left"), Region("insula", "right")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "before"
    folder.mkdir()
    (folder / "sub-01_thickness.tsv").write_text(TABLE)
    (folder / "sub-01_thickness.json").write_text(json.dumps({"Backend": "demo"}))
    return folder


@pytest.fixture
def labels(tmp_path):
    data = np.zeros((4, 5, 6), np.int16)
    data[1, 1, 1], data[2, 2, 2] = 103, 102
    path = tmp_path / "atlas.nii.gz"
    nib.save(nib.Nifti1Image(data, np.eye(4)), path)
    return path


def test_a_folder_stands_for_its_table(folder):
    found = read_thickness(folder)
    assert found.regions[LEFT].mean_mm == 2.5
    assert np.isnan(found.regions[RIGHT].mean_mm)
    assert found.source == str(folder / "sub-01_thickness.tsv")
    named = read_thickness(folder / "sub-01_thickness.tsv")
    assert list(named.regions) == list(found.regions)


def test_a_folder_without_one_table(folder):
    (folder / "b_thickness.tsv").write_text(TABLE)
    with pytest.raises(DataError, match=r"found b_thickness\.tsv, sub-01_thickness\.tsv"):
        read_thickness(folder)
    (folder / "b_thickness.tsv").unlink()
    (folder / "sub-01_thickness.tsv").unlink()
    with pytest.raises(DataError, match="found none"):
        read_thickness(folder)


def test_files_that_are_missing_or_broken(folder, tmp_path):
    with pytest.raises(InputMissingError, match=r"none\.tsv"):
        read_thickness(tmp_path / "none.tsv")
    record = folder / "sub-01_thickness.json"
    record.write_text("[1]")
    with pytest.raises(DataError, match="holds a list, expected a JSON object"):
        read_thickness(folder)
    record.write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        read_thickness(folder)
    record.unlink()
    with pytest.raises(
        InputMissingError, match=r"record of a thickness table: '.*sub-01_thickness\.json'"
    ):
        read_thickness(folder)


def test_label_maps(labels, tmp_path):
    found = read_labels(labels)
    assert found.data.dtype == np.int32
    assert found.data[1, 1, 1] == 103
    for name, value in (("scan", 0.5), ("signed", -1)):
        path = tmp_path / f"{name}.nii"
        nib.save(nib.Nifti1Image(np.full((3, 3, 3), value, np.float32), np.eye(4)), path)
        with pytest.raises(DataError, match="no whole numbers from 0"):
            read_labels(path)


def test_numbers_come_from_the_table_or_from_beside_the_map(folder, labels):
    table = read_thickness(folder)
    with pytest.raises(DataError, match="nothing says which number") as refusal:
        region_numbers(labels, table)
    assert "atlas.tsv" in refusal.value.hint
    beside = labels.with_name("atlas.tsv")
    beside.write_text(
        "index\tname\themisphere\n103\tinsula\tleft\n102\tinsula\tright\n4\tvermis\tn/a\n"
    )
    wanted = {LEFT: 103, RIGHT: 102}
    assert region_numbers(labels, table) == wanted | {Region("vermis", ""): 4}
    header, left, right = TABLE.splitlines()
    (folder / "sub-01_thickness.tsv").write_text(f"{header}\tlabel\n{left}\t103\n{right}\t102\n")
    assert region_numbers(labels, read_thickness(folder)) == wanted
    beside.write_text("index\tname\nmany\tinsula\n")
    with pytest.raises(DataError, match="does not hold the columns index"):
        region_numbers(labels, table)


def test_pairs_are_relative_to_their_list(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text(
        "subject\tbefore\tafter\tlesion\tlabels\n"
        "a\tb/x.tsv\t/abs/y.tsv\tn/a\tatlas.nii\n"
        "b\tc\td\tm.nii\tatlas.nii\n"
    )
    first, second = read_pairs(path)
    assert first.before == tmp_path / "b/x.tsv"
    assert first.after.as_posix() == "/abs/y.tsv"
    assert (first.lesion, first.labels) == (None, tmp_path / "atlas.nii")
    assert second.lesion == tmp_path / "m.nii"
    path.write_text("subject\tbefore\tafter\na\tx\ty\n")
    assert read_pairs(path) == [PairFiles("a", tmp_path / "x", tmp_path / "y")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("subject\tbefore\na\tx\n", "has no column after"),
        ("subject\tbefore\tafter\n", "has no rows"),
        ("subject\tbefore\tafter\na\tx\ty\nb\tn/a\ty\n", "has no before in line 3"),
    ],
)
def test_lists_that_make_no_sense(tmp_path, text, sentence):
    path = tmp_path / "pairs.tsv"
    path.write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_pairs(path)
