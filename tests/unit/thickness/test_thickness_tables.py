"""Thickness results from the text of their tables and their records."""

import math

import pytest
from thickness_results import LEFT, RIGHT, result, rows

from brainfill.core.errors import DataError
from brainfill.thickness.tables import Measure, Region, thickness_table

RECORD = {"Backend": "direct/deep", "GeneratedBy": {"Name": "brainfill", "Version": "1"}}


def test_a_result_by_hand():
    found = result({LEFT: 2.5, RIGHT: 2.25}, RECORD, labels={LEFT: 103, RIGHT: 102})
    assert found.regions == {LEFT: Measure(2.5, 100, 0.1, 103), RIGHT: Measure(2.25, 100, 0.1, 102)}
    assert found.pipeline == '{"Backend": "direct/deep"}'
    assert found.global_mm == {}
    assert str(LEFT) == "left insula"


def test_what_was_not_measured_is_unknown_and_never_0():
    for text in ("n/a", "0", "0.0", "nan", ""):
        assert math.isnan(result({LEFT: text}).regions[LEFT].mean_mm)
    cells = rows({LEFT: 2})
    cells[0] |= {"voxels": "n/a", "volume_ml": ""}
    measure = thickness_table(cells, RECORD, "t").regions[LEFT]
    assert math.isnan(measure.voxels)
    assert math.isnan(measure.volume_ml)
    assert measure.label is None


def test_regions_of_no_hemisphere():
    assert list(result({Region("vermis", ""): 2}).regions) == [Region("vermis", "")]


def test_global_means_of_the_record():
    found = result({LEFT: 2}, {"Global": {"mean_mm": 2.5, "left_mm": 2.4, "right_mm": 2.6, "n": 3}})
    assert found.global_mm == {"mean": 2.5, "left": 2.4, "right": 2.6}


def test_version_and_settings_make_another_pipeline():
    one = result({LEFT: 2}, {"BackendVersion": "7.4", "BackendSettings": {"b": 1, "a": 2}})
    same = result({LEFT: 3}, {"BackendSettings": {"a": 2, "b": 1}, "BackendVersion": "7.4"})
    other = result({LEFT: 2}, {"BackendVersion": "7.3", "BackendSettings": {"b": 1, "a": 2}})
    assert one.pipeline == same.pipeline != other.pipeline


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ({"hemisphere": "both"}, "hemisphere 'both', expected left, right or n/a"),
        ({"mean_mm": "thick"}, "mean_mm 'thick' for 'left insula', expected a number"),
        ({"mean_mm": "inf"}, "mean_mm 'inf'"),
        ({"mean_mm": "-1"}, "-1 mm"),
        ({"label": "1.5"}, "the label 1.5"),
    ],
)
def test_cells_that_make_no_sense(cell, sentence):
    cells = rows({LEFT: 2})
    cells[0] |= cell
    with pytest.raises(DataError, match=sentence) as refusal:
        thickness_table(cells, RECORD, "sub-01.tsv")
    assert "'sub-01.tsv'" in str(refusal.value)


def test_tables_that_make_no_sense():
    with pytest.raises(DataError, match="no rows"):
        thickness_table([], RECORD, "t")
    few = [{k: v for k, v in rows({LEFT: 2})[0].items() if k not in ("sd_mm", "volume_ml")}]
    with pytest.raises(DataError, match="no column sd_mm, volume_ml; found region"):
        thickness_table(few, RECORD, "t")
    with pytest.raises(DataError, match="'left insula' twice"):
        thickness_table(rows({LEFT: 2}) * 2, RECORD, "t")


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({}, "does not say what measured it"),
        ({"Backend": ""}, "does not say what measured it"),
        ({"Backend": "x", "Global": {"mean_mm": "2.5"}}, "expected mean_mm, left_mm and right_mm"),
        ({"Backend": "x", "Global": {"left_mm": 0}}, "expected mean_mm"),
        ({"Backend": "x", "Global": 2.5}, "expected mean_mm"),
    ],
)
def test_records_that_make_no_sense(record, sentence):
    with pytest.raises(DataError, match=sentence):
        thickness_table(rows({LEFT: 2}), record, "t")
