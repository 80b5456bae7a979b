"""The comparison as a task: tables, figures, floor and warnings, in memory."""

import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap
from brainfill.tasks.compare import FIGURES, TABLES, CompareConfig, Picture, run
from brainfill.thickness.compare import Pair
from brainfill.thickness.tables import Region, thickness_table

LEFT, RIGHT = Region("insula", "left"), Region("insula", "right")
CONFIG = CompareConfig(resamples=100)


def result(left, right, record=None):
    cells = [
        {
            "region": region.region,
            "hemisphere": region.hemisphere,
            "mean_mm": str(mm),
            "sd_mm": "n/a",
            "voxels": "10",
            "volume_ml": "0.01",
        }
        for region, mm in ((LEFT, left), (RIGHT, right))
    ]
    return thickness_table(cells, {"Backend": "demo"} | (record or {}), "t.tsv")


def pairs(n, shift):
    return [Pair(f"p{i}", result(2 + i / 9, 2), result(2 + i / 9 + shift, 2)) for i in range(n)]


@pytest.fixture
def picture():
    labels = np.zeros((9, 8, 7), int)
    labels[1:4, 2:6, 2:5], labels[5:8, 2:6, 2:5] = 103, 102
    return Picture(LabelMap(labels, Grid((9, 8, 7), np.eye(4))), {LEFT: 103, RIGHT: 102})


def test_everything_is_there(ctx, picture):
    found = run(pairs(4, 0.1), CONFIG, ctx, pairs(2, 0.01), picture)
    assert set(found.tables) == set(TABLES)
    assert set(found.files) == set(FIGURES)
    assert all(contents.startswith(b"<?xml") for contents in found.files.values())
    assert found.facts["Pipeline"] == {"Backend": "demo"}
    assert found.facts["Verdict"]["FillingNeeded"] is True


def test_filling_is_not_needed_below_the_floor(ctx):
    found = run(pairs(4, 0.01), CONFIG, ctx, pairs(2, 0.1))
    assert found.facts["Verdict"]["FillingNeeded"] is False
    assert "filling not needed for this tool" in found.facts["Verdict"]["Sentence"]
    left, right = found.tables["regions"]
    assert (left["above_floor"], left["change_pct"] < left["floor_pct"]) == ("false", True)
    assert (right["change_pct"], right["floor_pct"]) == (0, 0)


def test_without_a_floor_there_is_no_verdict(ctx):
    found = run(pairs(3, 0.1), CONFIG, ctx)
    assert "Verdict" not in found.facts
    assert "floor_pct" not in found.tables["regions"][0]


def test_a_floor_of_another_pipeline_is_refused(ctx):
    other = result(2, 2, {"Backend": "other"})
    with pytest.raises(DataError, match="two pipelines"):
        run(pairs(3, 0.1), CONFIG, ctx, [Pair("a", other, other)])


def test_what_the_user_should_know_is_said():
    heard = []
    written = [{"GeneratedBy": {"Version": v}} for v in "12"]
    one = [Pair("a", result(2, 0, written[0]), result(2, 2, written[1]))]
    found = run(one, CONFIG, Context(warn=heard.append))
    assert "region-map.svg" not in found.files
    skipped, programs, no_map = heard
    assert "1 of 2 measurements were skipped: 1 no thickness before" in skipped
    assert "written by 2 programs" in programs
    assert "no label map was given" in no_map


def test_the_seed_decides(ctx):
    def intervals(seed):
        facts = run(pairs(6, 0.1), CompareConfig(resamples=100, seed=seed), ctx).facts
        return facts["ROIAverage"]["IntervalPct"]

    assert intervals(1) == intervals(1) != intervals(2)


@pytest.mark.parametrize("options", [{"near_mm": -1.0}, {"resamples": 10}, {"seed": -1}])
def test_settings_that_make_no_sense(options):
    with pytest.raises(ConfigError, match="must be"):
        CompareConfig(**options)
