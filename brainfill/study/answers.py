"""What raters answered, checked against the study it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from brainfill.core.config import from_dict
from brainfill.core.errors import ConfigError, DataError
from brainfill.study.config import Form
from brainfill.study.key import Key


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer.

    Args:
        choice: place of the chosen lesion from 1 on; or 1 for real, 2 for synthetic.
        confidence: 1 a guess, 2 likely, 3 sure; None if the rater did not say.
        seconds: how long the question was looked at [s].
    """

    choice: int
    confidence: Literal[1, 2, 3] | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The file a rater saves.

    Args:
        study: name of the study.
        key_sha256: seal of the key, as the page had it.
        form: of the study.
        rater: name or initials.
        saved: when, ISO 8601.
        answers: by question; those not answered are not there.
    """

    study: str
    key_sha256: str
    form: Form
    rater: str
    saved: str
    answers: dict[str, Answer]


def answers_from(plain: Mapping[str, Any], name: str, key: Key) -> Answers:
    """Answers from the contents of their file.

    Args:
        plain: the JSON object in it.
        name: of the file, for messages.
        key: of the study.

    Raises:
        DataError: not answers, of another study or key, without a rater, or to questions that were not asked.
    """
    try:
        found = from_dict(Answers, plain)
    except (ConfigError, TypeError) as error:
        msg = f"'{name}' does not hold the answers of a rater: {error}"
        raise DataError(msg, "give the file that the page saved") from error
    _expect(found.study, key.study, "study", name)
    _expect(found.form, key.form, "form", name)
    _expect(found.key_sha256, key.seal(), "key with SHA-256", name)
    if not found.rater.strip():
        msg = f"'{name}' does not say who the rater is"
        raise DataError(msg, "write a name or initials at 'rater'")
    for question, answer in found.answers.items():
        if question not in key.questions:
            msg = f"'{name}' answers question '{question}', which this study does not have"
            raise DataError(msg, "give the file that the page saved, unchanged")
        n = key.choices(question)
        if not 1 <= answer.choice <= n:
            msg = f"'{name}' has choice {answer.choice} in '{question}', expected 1 to {n}"
            raise DataError(msg, "give the file that the page saved, unchanged")
    return found


def expect_different_raters(answers: Sequence[Answers], names: Sequence[str]) -> None:
    """Refuse two files of one rater.

    Raises:
        DataError: two names differ in capitals and spaces at most.
    """
    seen: dict[str, str] = {}
    for found, name in zip(answers, names, strict=True):
        rater = " ".join(found.rater.casefold().split())
        if rater in seen:
            msg = f"'{seen[rater]}' and '{name}' are both of the rater '{found.rater.strip()}'"
            raise DataError(msg, "give one file for each rater")
        seen[rater] = name


def _expect(found: str, expected: str, what: str, name: str) -> None:
    if found != expected:
        msg = f"'{name}' belongs to the {what} '{found}', this is '{expected}'"
        raise DataError(msg, "give answers to the page of this very study")
