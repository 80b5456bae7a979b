"""Score a reader study: was each rater better than a guess, and do raters agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from brainfill.tasks._base import Result

if TYPE_CHECKING:
    from brainfill.study.answers import Answers
    from brainfill.study.key import Key

_FORMS = {
    "forced": "forced choice: one lesion of each case, exactly one of which is synthetic",
    "free": "no forced choice: each lesion judged real or synthetic",
}
_TESTS = {
    "forced": "exact binomial against 1 / number of lesions (Poisson binomial where the numbers differ)",
    "free": "Fisher's exact test: the same judgements, given without looking",
}


def run(key: Key, answers: Sequence[Answers]) -> Result:
    """Score the answers of one or more raters; what is not answered counts as missing, never as wrong.

    Args:
        key: of the study.
        answers: one per rater, checked.

    Returns:
        table "raters": per rater the questions, answered, missing, hits, hit_rate with its Wilson interval of 95 %
        (wilson_low, wilson_high), chance (what guessing gives on average), p_at_least and p_at_most (how likely guessing
        gives at least, at most that many hits); for single lesions also sensitivity and specificity for synthetic ones.
        Facts: form, test, kappa, and every choice beside the truth. None where a figure is not defined.
    """
    rows = [_row(key, found) for found in answers]
    choices = {
        name: {found.rater.strip(): _choice(found, name) for found in answers}
        for name in key.questions
    }
    table = [
        {
            "question": name,
            "case": key.questions[name].case,
            "truth": key.truth(name),
            "choices": given,
        }
        for name, given in choices.items()
    ]
    facts = {
        "Study": key.study,
        "Form": _FORMS[key.form],
        "Test": _TESTS[key.form],
        "KeySHA256": key.seal(),
        **_agreement([list(given.values()) for given in choices.values()]),
        "Raters": rows,
        "Choices": table,
    }
    return Result(tables={"raters": rows}, facts=facts)


def _choice(found: Answers, question: str) -> int | None:
    answer = found.answers.get(question)
    return answer.choice if answer else None


def _row(key: Key, found: Answers) -> dict[str, Any]:
    from brainfill.metrics.agreement import wilson_interval

    names = [name for name in key.questions if name in found.answers]
    hits = sum(found.answers[name].choice == key.truth(name) for name in names)
    low, high = wilson_interval(hits, len(names))
    judged = _forced(key, names, hits) if key.form == "forced" else _free(key, names, found)
    return {
        "rater": found.rater.strip(),
        "questions": len(key.questions),
        "answered": len(names),
        "missing": len(key.questions) - len(names),
        "hits": hits,
        "hit_rate": hits / len(names) if names else None,
        "wilson_low": low,
        "wilson_high": high,
        **judged,
    }


def _forced(key: Key, names: Sequence[str], hits: int) -> dict[str, float | None]:
    from brainfill.metrics.agreement import guessing_tails

    chances = [1 / key.choices(name) for name in names]
    at_least, at_most = guessing_tails(chances, hits)
    chance = sum(chances) / len(chances) if chances else None
    return {"chance": chance, "p_at_least": at_least, "p_at_most": at_most}


def _free(key: Key, names: Sequence[str], found: Answers) -> dict[str, float | None]:
    from brainfill.metrics.agreement import shuffled_tails

    said = [found.answers[name].choice == 2 for name in names]
    truth = [key.truth(name) == 2 for name in names]
    at_least, at_most = shuffled_tails(said, truth)
    n, yes, true = len(names), sum(said), sum(truth)
    right = sum(s and t for s, t in zip(said, truth, strict=True))
    return {
        "chance": (yes * true + (n - yes) * (n - true)) / n**2 if n else None,
        "p_at_least": at_least,
        "p_at_most": at_most,
        "sensitivity": right / true if true else None,
        "specificity": 1 - (yes - right) / (n - true) if n > true else None,
    }


def _agreement(choices: Sequence[Sequence[int | None]]) -> dict[str, Any]:
    """Kappa over the questions that every rater answered."""
    from brainfill.metrics.agreement import cohen_kappa, fleiss_kappa

    shared = [given for given in choices if None not in given]
    raters = len(choices[0])
    if raters < 2:
        return {}
    two = raters == 2
    kappa = cohen_kappa(*zip(*shared, strict=True)) if two and shared else fleiss_kappa(shared)
    return {
        "Agreement": "Cohen's kappa" if two else "Fleiss' kappa",
        "Kappa": kappa if math.isfinite(kappa) else None,
        "KappaQuestions": len(shared),
    }
