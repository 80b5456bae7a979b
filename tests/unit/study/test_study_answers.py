"""Answers: what the page saves is read, and nothing else."""

import copy

import pytest

from brainfill.core.errors import DataError
from brainfill.study.answers import answers_from, expect_different_raters
from brainfill.study.key import Key, Question, Shown

KEY = Key(
    study="abc",
    form="forced",
    salt="salt",
    questions={
        "q1": Question(
            case="one",
            lesions=tuple(
                Shown(kind=kind, volume_ml=1, centre_mm=(0, 0, 0)) for kind in ("real", "synthetic")
            ),
        )
    },
)
SAVED = {
    "study": "abc",
    "key_sha256": KEY.seal(),
    "form": "forced",
    "rater": "AB",
    "saved": "2026-01-02T03:04:05.678Z",
    "answers": {"q1": {"choice": 2, "confidence": 3, "seconds": 12.5}},
}


def saved(**changes):
    return {**copy.deepcopy(SAVED), **changes}


def test_what_the_page_saves():
    answer = answers_from(SAVED, "a.json", KEY).answers["q1"]
    assert (answer.choice, answer.confidence, answer.seconds) == (2, 3, 12.5)


def test_confidence_and_time_may_be_missing():
    answer = answers_from(saved(answers={"q1": {"choice": 1}}), "a.json", KEY).answers["q1"]
    assert (answer.confidence, answer.seconds) == (None, 0)


def test_no_answers_at_all():
    assert answers_from(saved(answers={}), "a.json", KEY).answers == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"study": "xyz"}, "study 'xyz', this is 'abc'"),
        ({"form": "free"}, "form 'free'"),
        ({"key_sha256": "0" * 64}, "key with SHA-256 '000"),
        ({"rater": "  "}, "who the rater is"),
        ({"answers": {"q9": {"choice": 1}}}, "question 'q9'"),
        ({"answers": {"q1": {"choice": 3}}}, "choice 3 in 'q1', expected 1 to 2"),
        ({"answers": {"q1": {"choice": 0}}}, "choice 0"),
        ({"answers": {"q1": {"choice": "2"}}}, "must be a whole number"),
        ({"answers": {"q1": {"choice": True}}}, "must be a whole number"),
        ({"answers": {"q1": {"choice": 1, "confidence": 4}}}, "confidence"),
        ({"answers": {"q1": {}}}, "choice"),
        ({"answers": []}, "answers"),
        ({"more": 1}, "unknown setting 'more'"),
    ],
)
def test_what_is_refused(changes, words):
    with pytest.raises(DataError, match=r"'a\.json'") as refused:
        answers_from(saved(**changes), "a.json", KEY)
    assert words in str(refused.value)
    assert refused.value.hint


def test_something_else_than_answers():
    with pytest.raises(DataError, match="does not hold the answers"):
        answers_from({"T1w": 1}, "a.json", KEY)


def test_doubled_raters():
    one, again, other = (answers_from(saved(rater=r), "x", KEY) for r in ("Ann B", " ann  b", "C"))
    expect_different_raters([one, other], ["1.json", "2.json"])
    with pytest.raises(DataError, match=r"'1\.json' and '3\.json' are both of the rater"):
        expect_different_raters([one, other, again], ["1.json", "2.json", "3.json"])
