"""The questions about one case: which lesions, in which order, drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brainfill.core.errors import DataError, GeometryError
from brainfill.core.volume import Mask, Volume
from brainfill.pictures import grey_range
from brainfill.study.candidates import Candidate, both_kinds, lesions_apart, one_among
from brainfill.study.config import StudyConfig
from brainfill.study.key import Question, Shown, digest, generator
from brainfill.study.page import Drawing, views


@dataclass(frozen=True, eq=False)
class Case:
    """A scan with lesions.

    Args:
        name: of the case, unique; raters do not see it.
        images: by contrast, each on its own grid.
        real: drawn lesions.
        synthetic: painted lesions, on the same grid as `real`.
    """

    name: str
    images: Mapping[str, Volume]
    real: Mask | None
    synthetic: Mask | None

    @property
    def masks(self) -> list[Mask]:
        """Those that are there."""
        return [mask for mask in (self.real, self.synthetic) if mask is not None]


@dataclass(frozen=True)
class Asked:
    """A question with the views of its lesions, in the order of the page."""

    question: Question
    lesions: Sequence[Sequence[Mapping[str, str]]]


def ask(
    case: Case, config: StudyConfig, seed: int, warn: Callable[[str], None]
) -> tuple[list[Asked], bytes]:
    """The questions about a case: one to choose from its lesions, or one for each lesion.

    Args:
        case: with lesions of both kinds, unless lesions are judged one by one.
        config: what is shown and asked.
        seed: of the study.
        warn: told if there are fewer lesions than wanted.

    Returns:
        the questions, and 32 bytes that can be computed only from the case itself.

    Raises:
        DataError: there is no lesion to show, or an image is blank.
        GeometryError: a lesion lies outside an image.
    """
    secret = digest(seed, config, [case.name, *case.images.values(), *case.masks])
    try:
        lesions = _lesions(case, config)
        drawing = _drawing(case)
    except DataError as error:
        msg = f"case '{case.name}': {error}"
        raise type(error)(msg, error.hint) from error
    order = generator(secret, "order").permutation(len(lesions))
    lesions = [lesions[i] for i in order]
    if config.free:
        return [_asked(case, [lesion], drawing, config) for lesion in lesions], secret
    if (n := len(lesions)) < config.candidates:
        warn(f"case '{case.name}' has only {n} lesions to choose from, not {config.candidates}")
    return [_asked(case, lesions, drawing, config)], secret


def _asked(
    case: Case, lesions: Sequence[Candidate], drawing: Drawing, config: StudyConfig
) -> Asked:
    shown = tuple(_shown(lesion) for lesion in lesions)
    drawn = [views(lesion, drawing, config) for lesion in lesions]
    return Asked(Question(case=case.name, lesions=shown), drawn)


def _shown(lesion: Candidate) -> Shown:
    x, y, z = (round(v, 2) for v in lesion.centre_mm)
    return Shown(kind=lesion.kind, volume_ml=round(lesion.volume_ml, 6), centre_mm=(x, y, z))


def _lesions(case: Case, config: StudyConfig) -> list[Candidate]:
    real, synthetic = lesions_apart(case.real, case.synthetic)
    choose = both_kinds if config.free else one_among
    lesions = choose(real, synthetic, config.candidates, config.pick)
    for contrast, image in case.images.items():
        index = image.grid.to_index(np.array([lesion.centre_mm for lesion in lesions]))
        outside = ((index < -0.5) | (index > np.array(image.grid.shape) - 0.5)).any(axis=1)
        if outside.any():
            place = ", ".join(f"{v:.1f}" for v in lesions[int(outside.argmax())].centre_mm)
            msg = f"its lesion at ({place}) mm lies outside the {contrast} image"
            raise GeometryError(msg, "register the images of a case to each other first")
    return lesions


def _drawing(case: Case) -> Drawing:
    lesions = Mask(np.any([mask.data for mask in case.masks], axis=0), case.masks[0].grid)
    return Drawing(case.images, {c: grey_range(i, lesions) for c, i in case.images.items()})
