"""The key of a study: which lesions are synthetic, and a seal that shows whether it was changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from brainfill.core.config import from_dict, to_dict
from brainfill.core.errors import ConfigError, DataError
from brainfill.core.volume import Mask, Volume
from brainfill.study.config import KINDS, Form, Kind, StudyConfig


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A lesion that was shown.

    Args:
        kind: the truth.
        volume_ml: its volume [ml].
        centre_mm: where its planes cross, world position.
    """

    kind: Kind
    volume_ml: float
    centre_mm: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What was asked about one case.

    Args:
        case: its name in the table.
        lesions: in the order of the page; a single one where lesions are judged one by one.
    """

    case: str
    lesions: tuple[Shown, ...]


@dataclass(frozen=True, kw_only=True)
class Key:
    """The truth of a study.

    Args:
        study: name of the study, which answers carry.
        form: "forced" choice of the synthetic lesion of each case, or "free" judgement of single lesions.
        salt: random text, so that the seal cannot be found by trying all keys.
        questions: by their names in the page.

    Raises:
        DataError: a question does not fit the form.
    """

    study: str
    form: Form
    salt: str
    questions: dict[str, Question]

    def __post_init__(self) -> None:
        for name, question in self.questions.items():
            kinds = [lesion.kind for lesion in question.lesions]
            fits = len(kinds) == 1 if self.form == "free" else kinds.count("synthetic") == 1
            if not fits:
                msg = f"question '{name}' of a {self.form} study has the lesions {kinds}"
                raise DataError(msg, "make the study again")

    def truth(self, question: str) -> int:
        """The right answer: the place of the synthetic lesion from 1 on, or 1 for real and 2 for synthetic."""
        kinds = [lesion.kind for lesion in self.questions[question].lesions]
        return 1 + (kinds.index("synthetic") if self.form == "forced" else KINDS.index(kinds[0]))

    def choices(self, question: str) -> int:
        """How many answers there are to choose from."""
        return len(self.questions[question].lesions) if self.form == "forced" else len(KINDS)

    def seal(self) -> str:
        """SHA-256 of the whole key, salt included, as hexadecimal digits."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def key_from(plain: Mapping[str, Any], name: str) -> Key:
    """A key from the contents of its file.

    Raises:
        DataError: it is no key.
    """
    try:
        return from_dict(Key, plain)
    except (ConfigError, TypeError) as error:
        msg = f"'{name}' is not the key of a study: {error}"
        raise DataError(msg, "give the folder that brainfill study make wrote") from error


def digest(seed: int, config: StudyConfig, parts: Iterable[Volume | Mask | str]) -> bytes:
    """32 bytes that depend on the seed, the options and every voxel.

    What is random in a study is drawn from these, and not from the seed alone, which could be guessed: the order of the
    lesions cannot be computed without the scans.

    Args:
        seed: of the run.
        config: what is shown and asked.
        parts: scans, masks and names.
    """
    mixed = hashlib.sha256(json.dumps([seed, to_dict(config)], sort_keys=True).encode())
    for part in parts:
        if isinstance(part, str):
            mixed.update(part.encode() + b"\0")
        else:
            # Rounded: the last bits of an affine depend on how it was computed.
            mixed.update(part.grid.affine.round(4).tobytes())
            mixed.update(np.ascontiguousarray(part.data).tobytes())
    return mixed.digest()


def drawn(secret: bytes, use: str) -> bytes:
    """32 bytes for one use, from which neither the secret nor those of other uses can be computed."""
    return hashlib.sha256(secret + use.encode()).digest()


def generator(secret: bytes, use: str) -> np.random.Generator:
    """A random generator for one use of a secret."""
    return np.random.default_rng(int.from_bytes(drawn(secret, use), "big"))
