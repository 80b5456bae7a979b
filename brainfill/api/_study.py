"""Reader studies, from a table of cases on disk and from saved answers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brainfill import __version__
from brainfill.api._common import PACKAGES, ReadConfig, once, sources
from brainfill.core.config import to_dict
from brainfill.core.context import Context, Progress
from brainfill.core.errors import DataError, GeometryError, InputMissingError
from brainfill.core.registry import did_you_mean
from brainfill.study.config import KINDS, StudyConfig
from brainfill.tasks import study as study_task
from brainfill.tasks import study_score
from brainfill.tasks._base import Result

if TYPE_CHECKING:
    from brainfill.core.volume import Mask, Volume
    from brainfill.study.questions import Case

MANIFEST = "manifest.json"
_CONTRASTS = {"t1w": "T1w", "flair": "FLAIR"}
_COLUMNS = ("case", *_CONTRASTS, "real", "synthetic", "real_label", "synthetic_label")


@dataclass(frozen=True)
class CaseFiles:
    """A row of the table of cases.

    Args:
        name: of the case.
        images: by contrast.
        real: mask of real lesions.
        synthetic: mask of synthetic lesions.
        labels: which number is a lesion, by "real" and "synthetic", where a mask has several.
    """

    name: str
    images: Mapping[str, Path]
    real: Path | None
    synthetic: Path | None
    labels: Mapping[str, int]

    @property
    def files(self) -> list[Path]:
        """Every file that is read."""
        return [*self.images.values(), *(p for p in (self.real, self.synthetic) if p)]


@dataclass(frozen=True)
class StudyRequest:
    """What a study is made of, and how.

    Args:
        table: the cases, .tsv.
        config: what is shown and asked.
        seed: start of every random draw.
        read: how the images are read.
    """

    table: Path
    config: StudyConfig
    seed: int = 0
    read: ReadConfig = dataclasses.field(default_factory=ReadConfig)


def case_files(table: Path, config: StudyConfig) -> list[CaseFiles]:
    """The rows of a table of cases; paths are relative to its folder.

    Args:
        table: .tsv with the columns case; t1w, flair or both; real and synthetic (masks); perhaps real_label and
            synthetic_label (numbers, where a mask has several). "n/a" is nothing.
        config: tells which contrasts and masks are needed.

    Raises:
        InputMissingError: the table or a file in it is not there.
        DataError: a column or a cell is missing, unknown or doubled.
    """
    from brainfill.io.tables import read_table

    rows = read_table(table)
    if not rows:
        msg = f"table '{table}' has no cases"
        raise DataError(msg, f"give one row per case, with the columns {', '.join(_COLUMNS)}")
    for column in rows[0]:
        if column not in _COLUMNS:
            msg = f"table '{table}' has a column '{column}'; known: {', '.join(_COLUMNS)}"
            raise DataError(msg, did_you_mean(column, list(_COLUMNS)) or "leave it out")
    cases = [_case_files(row, table, config) for row in rows]
    names = [case.name for case in cases]
    for name in names:
        if names.count(name) > 1:
            msg = f"table '{table}' has {names.count(name)} rows for case '{name}'"
            raise DataError(msg, "give each case a name of its own")
    return cases


def run_study(request: StudyRequest, progress: Progress, warn: Callable[[str], None]) -> Result:
    """Read the cases and draw the study; its files by name, the manifest among them, and the manifest's facts.

    Raises:
        InputMissingError, DataError: as `case_files`; or an image or a mask cannot be used.
    """
    from brainfill.io.sidecar import versions

    cases = case_files(request.table, request.config)
    heard: list[str] = []
    tell = once(warn, heard)
    ctx = Context(seed=request.seed, progress=progress, warn=tell)
    read = _read(cases, request.read, tell)
    result = study_task.run(read, len(cases), request.config, ctx)
    inputs = [request.table, *(path for case in cases for path in case.files)]
    facts = {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **result.facts,
        **sources(list(dict.fromkeys(inputs))),
        "BrainfillArguments": to_dict(request.config)
        | {"seed": request.seed}
        | to_dict(request.read),
        "Warnings": list(heard),
        "Versions": versions((*PACKAGES, "scikit-image", "pillow")),
    }
    manifest = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    return Result(facts=facts, files={**result.files, MANIFEST: manifest.encode()})


def run_score(folder: Path, answers: Sequence[Path]) -> Result:
    """Check the key of a study and the answers to it, and score them.

    Args:
        folder: that a study was written to. The page may be gone; if it is there, its seal is compared.
        answers: files that raters saved.

    Raises:
        InputMissingError: a file is not there.
        DataError: the key is not the one that was sealed, or answers do not belong to the study.
    """
    from brainfill.core.documents import read_json
    from brainfill.study.answers import answers_from, expect_different_raters
    from brainfill.study.key import key_from

    key = key_from(read_json(folder / study_task.KEY), str(folder / study_task.KEY))
    manifest = read_json(folder / MANIFEST)
    page = folder / study_task.PAGE
    sealed = {folder / MANIFEST: manifest.get("KeySHA256") == key.seal()}
    if page.is_file():
        sealed[page] = key.seal() in page.read_text(encoding="utf-8")
    for path, fits in sealed.items():
        if not fits:
            msg = f"the key '{folder / study_task.KEY}' is not the one that '{path}' was made with"
            raise DataError(msg, "the key was changed after the study was made, or mixed up")
    found = [answers_from(read_json(path), str(path), key) for path in answers]
    expect_different_raters(found, [str(path) for path in answers])
    result = study_score.run(key, found)
    about = {"GeneratedBy": {"Name": "brainfill", "Version": __version__}}
    read = [folder / study_task.KEY, *answers]
    return Result(tables=result.tables, facts={**about, **result.facts, **sources(read)})


def _case_files(row: Mapping[str, str], table: Path, config: StudyConfig) -> CaseFiles:
    given = {name: value.strip() for name, value in row.items()}
    given = {name: value for name, value in given.items() if value not in ("", "n/a")}
    name = given.get("case", "")
    where = f"case '{name}' of '{table}'"
    paths = {n: table.parent / given[n] for n in (*_CONTRASTS, *KINDS) if n in given}
    shown = [n for n, c in _CONTRASTS.items() if config.contrast in ("both", c)]
    images = {_CONTRASTS[n]: paths[n] for n in shown if n in paths}
    masks: list[str] = [kind for kind in KINDS if kind in paths]
    if not name or not images:
        lacking = f"image in the column {' or '.join(shown)}" if name else "name in the column case"
        msg = f"{where} has no {lacking}"
        raise DataError(msg, "each row needs a name, an image and masks")
    if len(masks) < (1 if config.free else 2):
        msg = f"{where} has {' and '.join(masks) or 'no'} lesions, expected real and synthetic ones"
        raise DataError(msg, "a forced choice needs both kinds in each case; --free does with one")
    for path in [*images.values(), *(paths[kind] for kind in masks)]:
        _check_present(path, where)
    labels = {k: _number(given[f"{k}_label"], where) for k in masks if f"{k}_label" in given}
    return CaseFiles(name, images, paths.get("real"), paths.get("synthetic"), labels)


def _check_present(path: Path, where: str) -> None:
    from brainfill.core.inputs import check_input

    try:
        check_input(path)
    except InputMissingError as error:
        msg = f"{where}: {error}"
        raise InputMissingError(msg, "paths are relative to the folder of the table") from error


def _number(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        msg = f"{where} has the label '{text}', expected a whole number"
        raise DataError(msg, "labels say which number in a mask is the lesion") from error


def _read(
    cases: Sequence[CaseFiles], read: ReadConfig, warn: Callable[[str], None]
) -> Iterator[Case]:
    from brainfill.io.nifti import read_volume
    from brainfill.study.questions import Case

    for case in cases:
        images = {
            contrast: read_volume(path, nan_to_zero=read.nan_to_zero, warn=warn)
            for contrast, path in case.images.items()
        }
        first = next(iter(images.values()))
        real, synthetic = (
            _mask(path, case.labels.get(kind), first, read, warn) if path else None
            for kind, path in (("real", case.real), ("synthetic", case.synthetic))
        )
        yield Case(case.name, images, real, synthetic)


def _mask(
    path: Path, label: int | None, image: Volume, read: ReadConfig, warn: Callable[[str], None]
) -> Mask:
    from brainfill.io.nifti import read_mask
    from brainfill.preprocess.match import match_mask

    try:
        mask = read_mask(path, label=label, nan_to_zero=read.nan_to_zero, warn=warn)
        return match_mask(mask, image, assume_same_grid=read.assume_same_grid, warn=warn)
    except GeometryError as error:
        msg = f"mask '{path}' does not fit the image of its case: {error}"
        raise GeometryError(msg, error.hint) from error
    except DataError as error:
        hint = error.hint.replace("--label", "the column real_label or synthetic_label")
        raise DataError(str(error), hint) from error
