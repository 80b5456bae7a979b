"""Who stands out: the rule worked out by hand."""

import math

from brainfill.report.outliers import modified_z, outliers


def test_modified_z_by_hand():
    # Median 3; distances 2, 1, 0, 1, 97, of which the median is 1.
    expected = [-2 * 0.6745, -0.6745, 0, 0.6745, 97 * 0.6745]
    assert [round(z, 4) for z in modified_z([1, 2, 3, 4, 100])] == [round(e, 4) for e in expected]


def test_where_most_are_equal_the_mean_deviation_stands_in():
    # Median 5, median deviation 0; mean deviation 10 / 6.
    scores = modified_z([5, 5, 5, 5, 5, 15])
    assert scores[:5] == [0] * 5
    assert math.isclose(scores[5], 10 / (10 / 6 / 0.797885), rel_tol=1e-5)


def test_all_equal_and_nothing_known():
    assert modified_z([2, 2, 2]) == [0, 0, 0]
    assert modified_z([None, math.nan]) == [None, None]
    assert modified_z([]) == []


def test_one_far_from_the_others_stands_out():
    assert outliers([1.0, 1.1, 0.9, 1.05, 0.95, 2.0]) == [False] * 5 + [True]


def test_unknown_values_neither_count_nor_stand_out():
    found = outliers([1.0, None, 1.1, 0.9, math.nan, 1.05, 0.95, 2.0])
    assert found == [False] * 7 + [True]


def test_few_people_have_no_outliers():
    assert outliers([1, 1, 1, 100]) == [False] * 4


def test_volumes_are_compared_by_their_logarithm():
    volumes = [1.0, 2.0, 4.0, 8.0, 30.0]
    # Deviations of the logarithms are 2, 1, 0, 1, 2.9 times ln 2: 1.96 in modified z scores.
    assert outliers(volumes, logarithm=True) == [False] * 5
    assert outliers(volumes) == [False] * 4 + [True]
    assert outliers([0.0, *volumes], logarithm=True) == [False] * 6
