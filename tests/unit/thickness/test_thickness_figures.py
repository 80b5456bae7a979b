"""Figures are well-formed, repeat themselves, and show what was measured."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure
from thickness_results import CUNEUS, LEFT, RIGHT, result

from brainfill.thickness.compare import Pair, cohort
from brainfill.thickness.figures import bland_altman_figure, box_figure, svg


def people(n, distance_mm=None):
    rng = np.random.default_rng(0)
    pairs = []
    for i in range(n):
        before = {region: round(rng.normal(2.5, 0.2), 4) for region in (LEFT, RIGHT, CUNEUS)}
        after = {region: round(mm + 0.1, 4) for region, mm in before.items()}
        pairs.append(Pair(f"p{i}", result(before), result(after), distance_mm))
    return cohort(pairs)


def texts(figure: Figure) -> str:
    return " ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("distance_mm", [None, {LEFT: 2.0, RIGHT: 30.0}])
def test_any_cohort_can_be_drawn(n, distance_mm):
    everyone = people(n, distance_mm)
    for figure in (bland_altman_figure(everyone, 5), box_figure(everyone, 5, people(2))):
        assert ET.fromstring(svg(figure)).tag.endswith("svg")  # noqa: S314 - made here


def test_the_same_figure_has_the_same_bytes():
    first, second = (svg(bland_altman_figure(people(3), 5)) for _ in range(2))
    assert first == second


def test_bland_altman_shows_people_and_regions_with_their_limits():
    figure = bland_altman_figure(people(4), 5)
    of_people, of_regions = figure.axes
    assert (of_people.get_title(), of_regions.get_title()) == ("4 people", "3 regions")
    for ax, n in ((of_people, 4), (of_regions, 3)):
        points = ax.collections[0].get_offsets()
        assert len(points) == n
        np.testing.assert_allclose(points[:, 1], 0.1, atol=1e-6)
    assert "+0.100" in texts(figure)
    assert len(bland_altman_figure(people(1), 5).axes) == 1


def test_a_hemisphere_without_any_measurement_has_no_box():
    pair = Pair("a", result({LEFT: 0, CUNEUS: 0, RIGHT: 2}), result({LEFT: 2, CUNEUS: 2, RIGHT: 2}))
    figure = box_figure(cohort([pair]), 5, None)
    assert [t.get_text() for t in figure.axes[1].get_xticklabels()] == ["all", "right"]


def test_boxes_are_of_people_or_of_the_regions_of_one():
    everyone = people(5, {LEFT: 2.0, RIGHT: 30.0})
    figure = box_figure(everyone, 5, people(2))
    labels = [t.get_text() for t in figure.axes[1].get_xticklabels()]
    assert labels == ["all", "left", "right", "within 5 mm\nof a lesion", "farther", "noise floor"]
    assert [len(points.get_offsets()) for points in figure.axes[1].collections] == [5] * 5 + [2]
    alone = box_figure(people(1), 5, None)
    assert [len(points.get_offsets()) for points in alone.axes[1].collections] == [3, 2, 1]
