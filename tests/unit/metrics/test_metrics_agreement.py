"""Figures of raters: against scipy, other libraries, enumeration, and tables worked out by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

from brainfill.metrics.agreement import (
    cohen_kappa,
    fleiss_kappa,
    guessing_tails,
    shuffled_tails,
    wilson_interval,
)


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (1, 20), (3, 20), (10, 20), (20, 20), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_is_that_of_scipy(hits, n, level):
    expected = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    assert wilson_interval(hits, n, level) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilson_without_trials_knows_nothing():
    assert wilson_interval(0, 0) == (0, 1)


def test_the_published_raters_are_compatible_with_guessing():
    # METHODS section 23: 3 and 1 of 20 lesions found among 10 candidates each; guessing gives 2 of 20.
    three, one = (guessing_tails([0.1] * 20, hits) for hits in (3, 1))
    assert three[1] == pytest.approx(0.87, abs=0.005)
    assert three == pytest.approx((0.3231, 0.8670), abs=1e-4)
    assert one == pytest.approx((0.8784, 0.3917), abs=1e-4)


@pytest.mark.parametrize("hits", range(8))
def test_equal_chances_are_the_binomial_test(hits):
    tails = [stats.binomtest(hits, 7, 0.2, side).pvalue for side in ("greater", "less")]
    assert guessing_tails([0.2] * 7, hits) == pytest.approx(tails)


def test_different_chances_by_enumeration():
    chances = [0.5, 0.1, 0.25, 1 / 3]
    odds = np.zeros(5)
    for outcome in itertools.product([0, 1], repeat=4):
        pairs = zip(outcome, chances, strict=True)
        odds[sum(outcome)] += math.prod(c if hit else 1 - c for hit, c in pairs)
    for hits in range(5):
        expected = (odds[hits:].sum(), odds[: hits + 1].sum())
        assert guessing_tails(chances, hits) == pytest.approx(expected)


def test_no_questions_tell_nothing():
    assert guessing_tails([], 0) == (1, 1)


def test_judgements_by_fishers_exact_test():
    # 8 synthetic, 9 real; 6 of 8 and 2 of 9 were called synthetic.
    truth = [True] * 8 + [False] * 9
    said = [True] * 6 + [False] * 2 + [True] * 2 + [False] * 7
    table = [[6, 2], [2, 7]]
    tails = [stats.fisher_exact(table, alternative=side).pvalue for side in ("greater", "less")]
    assert shuffled_tails(said, truth) == pytest.approx(tails)


def test_one_word_for_all_is_no_better_than_chance():
    assert shuffled_tails([True] * 5, [True, True, False, False, True]) == (1, 1)


def test_cohen_by_hand():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: agreement 0.7, by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_fleiss_by_hand():
    # Two questions, three raters: a a b and b b b. Pairs agree in 1 of 3 and 3 of 3, mean 2/3; a has 2 of 6
    # answers, b 4 of 6, by chance 1/9 + 4/9 = 5/9; kappa (2/3 - 5/9) / (4/9) = 1/4.
    assert fleiss_kappa(["aab", "bbb"]) == pytest.approx(0.25)


@pytest.mark.parametrize("seed", range(3))
def test_kappas_of_other_libraries(seed):
    answers = np.random.default_rng(seed).integers(0, 4, (15, 5))
    table, _ = inter_rater.aggregate_raters(answers)
    assert fleiss_kappa(answers.tolist()) == pytest.approx(inter_rater.fleiss_kappa(table))
    first, second = answers[:, 0].tolist(), answers[:, 1].tolist()
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_full_agreement_is_one():
    assert cohen_kappa([1, 2, 3], [1, 2, 3]) == fleiss_kappa([[1] * 3, [2] * 3]) == 1


def test_opposite_answers_are_minus_one():
    assert cohen_kappa([1, 2], [2, 1]) == -1


@pytest.mark.parametrize(
    "kappa",
    [cohen_kappa([], []), cohen_kappa([1, 1], [1, 1]), fleiss_kappa([]), fleiss_kappa([[2, 2, 2]])],
)
def test_kappa_is_not_defined_where_nothing_varies(kappa):
    assert math.isnan(kappa)
