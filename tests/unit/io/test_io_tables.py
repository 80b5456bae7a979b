"""Tab-separated tables."""

import pytest

from brainfill.core.errors import DataError, InputMissingError
from brainfill.io.tables import read_table, write_table


def test_written_table_by_hand(tmp_path):
    rows = [
        {"label": 1, "volume_ml": 0.123456789, "name": "left, upper"},
        {"label": 2, "volume_ml": None, "name": "x"},
    ]
    write_table(rows, tmp_path / "t.tsv")
    expected = "label\tvolume_ml\tname\n1\t0.123457\tleft, upper\n2\tn/a\tx\n"
    assert (tmp_path / "t.tsv").read_text() == expected


def test_round_trip(tmp_path):
    rows = [
        {"image": "a b.nii.gz", "lesions": "n/a"},
        {"image": 'c".nii', "lesions": "d\u00e9.nii"},
    ]
    write_table(rows, tmp_path / "t.tsv")
    assert read_table(tmp_path / "t.tsv") == rows


def test_spreadsheet_habits_are_understood(tmp_path):
    (tmp_path / "t.tsv").write_bytes("\ufeffimage\tlesions\r\na.nii\tb.nii\r\n\r\n".encode())
    assert read_table(tmp_path / "t.tsv") == [{"image": "a.nii", "lesions": "b.nii"}]


def test_empty_file_has_no_rows(tmp_path):
    (tmp_path / "t.tsv").write_text("")
    assert read_table(tmp_path / "t.tsv") == []


def test_a_short_row_is_named_by_its_line(tmp_path):
    (tmp_path / "t.tsv").write_text("a\tb\n1\t2\n3\n")
    with pytest.raises(DataError, match="1 cells in line 3, expected 2"):
        read_table(tmp_path / "t.tsv")


def test_not_text(tmp_path):
    (tmp_path / "t.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not text"):
        read_table(tmp_path / "t.tsv")


def test_missing(tmp_path):
    with pytest.raises(InputMissingError, match=r"none\.tsv"):
        read_table(tmp_path / "none.tsv")
