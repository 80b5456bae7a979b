"""A reader study: draw the page and its key from cases."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from brainfill.study.config import StudyConfig
from brainfill.tasks._base import Result

if TYPE_CHECKING:
    from brainfill.core.context import Context
    from brainfill.study.key import Question
    from brainfill.study.questions import Asked, Case

PAGE, README, KEY = "raters/study.html", "raters/README.txt", "key.json"
# A rater who goes by size alone would be right more often than chance allows.
_SIZE_TELLS_P = 0.05


def run(cases: Iterable[Case], count: int, config: StudyConfig, ctx: Context) -> Result:
    """Draw a study.

    Args:
        cases: read one after the other, so that one case at a time is in memory.
        count: how many there are.
        config: what is shown and asked.
        ctx: seed, progress, warnings.

    Returns:
        files `PAGE` and `README` for the raters, and `KEY`; facts for the manifest: the study's name, its form, how many
        cases, questions and lesions there are, and the seal of the key.

    Raises:
        DataError: a case has no lesions to show, or an image is blank.
        GeometryError: a lesion lies outside an image.
    """
    from brainfill.study import page
    from brainfill.study.key import Key, drawn, generator
    from brainfill.study.questions import ask

    asked: list[Asked] = []
    secrets = b""
    for done, case in enumerate(cases):
        ctx.progress("drawing cases", done, count)
        questions, secret = ask(case, config, ctx.seed, ctx.warn)
        asked += questions
        secrets += secret
    ctx.progress("drawing cases", count, count)
    order = generator(secrets, "order").permutation(len(asked))
    by_name = {f"q{number}": asked[i] for number, i in enumerate(order, start=1)}
    key = Key(
        study=drawn(secrets, "name").hex()[:12],
        form=config.form,
        salt=drawn(secrets, "salt").hex(),
        questions={name: found.question for name, found in by_name.items()},
    )
    _warn_about_size(key.questions.values(), ctx)
    lesions = {name: found.lesions for name, found in by_name.items()}
    files = {
        PAGE: page.html(key.study, key.seal(), lesions, config),
        README: page.readme(key.study, config),
        KEY: json.dumps(dataclasses.asdict(key), indent=1) + "\n",
    }
    facts = {
        "Study": key.study,
        "Form": key.form,
        "KeySHA256": key.seal(),
        "Cases": count,
        "Questions": len(asked),
        "Lesions": sum(len(found.lesions) for found in asked),
    }
    return Result(facts=facts, files={name: text.encode() for name, text in files.items()})


def _warn_about_size(questions: Iterable[Question], ctx: Context) -> None:
    """Tell if the synthetic lesion is the largest or the smallest of its case more often than by chance."""
    from brainfill.metrics.agreement import guessing_tails

    choices = [question.lesions for question in questions if len(question.lesions) > 1]
    for word, end in (("largest", max), ("smallest", min)):
        ends = [end(lesions, key=lambda lesion: lesion.volume_ml) for lesions in choices]
        hits = sum(lesion.kind == "synthetic" for lesion in ends)
        p, _ = guessing_tails([1 / len(lesions) for lesions in choices], hits)
        if p < _SIZE_TELLS_P:
            ctx.warn(
                f"the synthetic lesion is the {word} in {hits} of {len(choices)} cases: raters could tell it by its "
                "size; --pick similar shows real lesions of its size"
            )
