"""Scores of raters, against numbers worked out by hand or by scipy."""

import pytest
from scipy import stats

from brainfill.study.answers import Answer, Answers
from brainfill.study.key import Key, Question, Shown
from brainfill.tasks import study_score


def forced_key(n=20, lesions=10):
    """The synthetic lesion is the first of each question."""
    kinds = ["synthetic"] + ["real"] * (lesions - 1)
    shown = tuple(Shown(kind=kind, volume_ml=1, centre_mm=(0, 0, 0)) for kind in kinds)
    questions = {f"q{i}": Question(case=f"c{i}", lesions=shown) for i in range(n)}
    return Key(study="s", form="forced", salt="", questions=questions)


def free_key(kinds):
    questions = {
        f"q{i}": Question(case="c", lesions=(Shown(kind=kind, volume_ml=1, centre_mm=(0, 0, 0)),))
        for i, kind in enumerate(kinds)
    }
    return Key(study="s", form="free", salt="", questions=questions)


def rater(name, choices, form="forced"):
    """Choices by question number; None is no answer."""
    given = {f"q{i}": Answer(choice=c) for i, c in enumerate(choices) if c is not None}
    return Answers(study="s", key_sha256="", form=form, rater=name, saved="", answers=given)


def one_row(key, answers):
    return study_score.run(key, [answers]).tables["raters"][0]


@pytest.mark.parametrize(("hits", "at_most"), [(3, 0.87), (1, 0.39)])
def test_the_published_study(hits, at_most):
    # METHODS section 23: of 20 volumes with 10 candidates the raters found 3 and 1; chance is 2.
    row = one_row(forced_key(), rater("A", [1] * hits + [2] * (20 - hits)))
    test = stats.binomtest(hits, 20, 0.1)
    interval = test.proportion_ci(method="wilson")
    assert (row["hits"], row["answered"], row["missing"]) == (hits, 20, 0)
    assert row["hit_rate"] == hits / 20
    assert row["chance"] == pytest.approx(0.1)
    assert row["p_at_most"] == pytest.approx(at_most, abs=0.005)
    assert row["p_at_least"] == pytest.approx(stats.binomtest(hits, 20, 0.1, "greater").pvalue)
    assert (row["wilson_low"], row["wilson_high"]) == pytest.approx(tuple(interval))


def test_missing_answers_are_counted_and_not_guessed():
    row = one_row(forced_key(4, 5), rater("A", [1, None, 2, None]))
    assert (row["questions"], row["answered"], row["missing"], row["hits"]) == (4, 2, 2, 1)
    assert row["hit_rate"] == 0.5
    assert row["p_at_least"] == pytest.approx(1 - 0.8**2)


def test_nothing_answered():
    row = one_row(forced_key(4), rater("A", []))
    assert (row["hit_rate"], row["chance"], row["hits"]) == (None, None, 0)
    assert (row["wilson_low"], row["wilson_high"], row["p_at_least"]) == (0, 1, 1)


def test_chance_is_averaged_over_cases_of_different_numbers():
    questions = forced_key(1, 2).questions | {"q1": forced_key(1, 5).questions["q0"]}
    key = Key(study="s", form="forced", salt="", questions=questions)
    row = one_row(key, rater("A", [1, 1]))
    assert row["chance"] == pytest.approx((1 / 2 + 1 / 5) / 2)
    assert row["p_at_least"] == pytest.approx(1 / 10)


def test_judged_one_by_one():
    # 5 synthetic, 4 of them called so; 5 real, 2 of them called synthetic.
    key = free_key(["synthetic"] * 5 + ["real"] * 5)
    row = one_row(key, rater("A", [2, 2, 2, 2, 1, 2, 2, 1, 1, 1], "free"))
    assert (row["hits"], row["hit_rate"]) == (7, 0.7)
    assert (row["sensitivity"], row["specificity"]) == (0.8, pytest.approx(0.6))
    # 6 of 10 called synthetic, without looking: 0.6 * 0.5 + 0.4 * 0.5.
    assert row["chance"] == pytest.approx(0.5)
    assert row["p_at_least"] == pytest.approx(
        stats.fisher_exact([[4, 1], [2, 3]], alternative="greater").pvalue
    )


def test_calling_all_lesions_real_is_not_rewarded():
    key = free_key(["real"] * 9 + ["synthetic"])
    row = one_row(key, rater("A", [1] * 10, "free"))
    assert row["hit_rate"] == row["chance"] == 0.9
    assert (row["p_at_least"], row["sensitivity"], row["specificity"]) == (1, 0, 1)


def test_two_raters_have_cohens_kappa():
    # Agreement 3/4; by chance (2*1 + 1*2 + 1*1) / 16 = 5/16; kappa (12 - 5) / (16 - 5).
    result = study_score.run(forced_key(4), [rater("A", [1, 1, 2, 3]), rater("B", [1, 2, 2, 3])])
    facts = result.facts
    assert (facts["Agreement"], facts["KappaQuestions"]) == ("Cohen's kappa", 4)
    assert facts["Kappa"] == pytest.approx(7 / 11)


def test_three_raters_have_fleiss_kappa_on_what_all_answered():
    # As by hand in the tests of fleiss_kappa: 1 1 2 and 2 2 2 give 1/4.
    raters = [rater("A", [1, 2, 1]), rater("B", [1, 2, None]), rater("C", [2, 2, 3])]
    facts = study_score.run(forced_key(3), raters).facts
    assert (facts["Agreement"], facts["KappaQuestions"]) == ("Fleiss' kappa", 2)
    assert facts["Kappa"] == pytest.approx(0.25)


@pytest.mark.parametrize("others", [1, 2])
def test_kappa_without_a_shared_question(others):
    raters = [rater("A", [1, None])] + [rater(str(i), [None, 1]) for i in range(others)]
    facts = study_score.run(forced_key(2), raters).facts
    assert (facts["Kappa"], facts["KappaQuestions"]) == (None, 0)


def test_one_rater_has_no_kappa():
    assert "Kappa" not in study_score.run(forced_key(2), [rater("A", [1, 1])]).facts


def test_every_choice_beside_the_truth():
    facts = study_score.run(forced_key(2), [rater("A", [1, None]), rater(" B ", [3, 1])]).facts
    assert facts["Choices"] == [
        {"question": "q0", "case": "c0", "truth": 1, "choices": {"A": 1, "B": 3}},
        {"question": "q1", "case": "c1", "truth": 1, "choices": {"A": None, "B": 1}},
    ]
    assert facts["Form"].startswith("forced choice")
