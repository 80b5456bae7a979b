"""Comparing cortical thickness, on paths."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainfill import __version__
from brainfill.api._common import ReadConfig, once, sources, structured
from brainfill.core.config import to_dict
from brainfill.core.context import Context, Progress, silent
from brainfill.core.errors import ConfigError, DataError, GeometryError
from brainfill.tasks import compare as compare_task
from brainfill.tasks.compare import CompareConfig, Picture

if TYPE_CHECKING:
    from brainfill.core.volume import LabelMap, Mask
    from brainfill.io.thickness import PairFiles
    from brainfill.tasks._base import Result, Table
    from brainfill.thickness.compare import Pair

_PACKAGES = ("numpy", "scipy", "nibabel", "matplotlib")


@dataclass(frozen=True, eq=False)
class CompareRequest:
    """What is to be compared, and how.

    Args:
        pairs: one per person.
        floor: pairs between which nothing should have changed; empty without a noise floor.
        labels: label map to draw on; without it that of the first person who has one.
        config: how to compare.
        read: how lesion masks are read.
    """

    pairs: Sequence[PairFiles]
    floor: Sequence[PairFiles]
    labels: Path | None
    config: CompareConfig
    read: ReadConfig


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison.

    Args:
        tables: "regions", "subjects" and "measurements".
        facts: what the command writes into comparison.json.
        files: figures as SVG, by name.
    """

    tables: Mapping[str, Table]
    facts: Mapping[str, Any]
    files: Mapping[str, bytes]


def compare(
    before: str | Path | None = None,
    after: str | Path | None = None,
    *,
    pairs: str | Path | None = None,
    lesion: str | Path | None = None,
    labels: str | Path | None = None,
    null: str | Path | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] | None = None,
    **options: Any,  # noqa: ANN401 - structured strictly below
) -> Compared:
    """Say whether cortical thickness changed between two results, or in a cohort of pairs.

    Args:
        before: folder or .tsv of a thickness result (see `brainfill.thickness.tables`).
        after: likewise, by the same pipeline.
        pairs: .tsv with the columns subject, before, after, and perhaps lesion and labels, instead of the two.
        lesion: mask of the lesions; needs `labels`.
        labels: label map of the regions, for distances to lesions and for the region map.
        null: .tsv like `pairs` of scans between which nothing changed, such as rescans.
        progress: told how far the work has come.
        warn: receives one sentence per warning; Python warnings are issued without it.
        **options: fields of `CompareConfig` and `ReadConfig`, such as `near_mm=5`, `seed=1`.

    Raises:
        ConfigError: an unknown option, or neither two results nor pairs.
        InputMissingError: a file is not there or cannot be read.
        DataError: two pipelines in one comparison, or files that do not hold what they should.
    """
    from brainfill.io.thickness import read_pairs

    tell = warn or (lambda message: warnings.warn(message, stacklevel=4))
    config, read = structured("compare", (CompareConfig, ReadConfig), options)
    results = [Path(p) for p in (before, after) if p is not None]
    listed, mask, drawn_on = (None if p is None else Path(p) for p in (pairs, lesion, labels))
    people = compared_people(results, listed, mask, drawn_on)
    floor = [] if null is None else read_pairs(Path(null))
    request = CompareRequest(people, floor, drawn_on, config, read)
    result, facts = run_compare(request, progress, tell)
    return Compared(result.tables, facts, result.files)


def compared_people(
    results: Sequence[Path], pairs: Path | None, lesion: Path | None, labels: Path | None
) -> Sequence[PairFiles]:
    """The people to compare: one, by two results, or those of a list.

    Raises:
        ConfigError: neither two results nor pairs, or a lesion mask without its label map.
        InputMissingError, DataError: the list cannot be used.
    """
    from brainfill.io.thickness import PairFiles, read_pairs

    if len(results) != (2 if pairs is None else 0):
        found = " and ".join(f"'{p}'" for p in [*results, *([pairs] if pairs else [])]) or "none"
        msg = f"expected two thickness results, or --pairs without any; found {found}"
        raise ConfigError(msg, "brainfill compare BEFORE AFTER, or --pairs PAIRS.tsv")
    if lesion is not None and (pairs is not None or labels is None):
        msg = f"--lesion is given with {'--pairs' if pairs is not None else 'no --labels'}"
        hint = "give --labels with it; with --pairs, both are columns of the table"
        raise ConfigError(msg, hint)
    if pairs is not None:
        return read_pairs(pairs)
    before, after = results
    return [PairFiles(_whose(before), before, after, lesion, labels)]


def _whose(result: Path) -> str:
    """Whom a result belongs to, by its name.

    >>> _whose(Path("sub-01_ses-2_desc-direct_thickness.tsv")), _whose(Path("before"))
    ('sub-01_ses-2', 'before')
    """
    words = [w for w in result.name.split("_") if "-" in w and not w.startswith("desc-")]
    return "_".join(words) if words and words[0].startswith("sub-") else result.name


def run_compare(
    request: CompareRequest, progress: Progress, warn: Callable[[str], None]
) -> tuple[Result, dict[str, Any]]:
    """Read everything and compare; the result and its record. Each warning is passed on once.

    Raises:
        InputMissingError, DataError: as `compare`.
    """
    from brainfill.io.sidecar import versions

    heard: list[str] = []
    tell = once(warn, heard)
    everyone = [*request.pairs, *request.floor]
    read: list[Pair] = []
    for done, files in enumerate(everyone):
        progress("reading", done, len(everyone))
        read.append(_read(files, request.read, tell))
    progress("reading", len(everyone), len(everyone))
    n = len(request.pairs)
    ctx = Context(progress=progress, warn=tell)
    result = compare_task.run(
        read[:n], request.config, ctx, read[n:], _picture(request, read, tell)
    )
    tables = [Path(t.source) for pair in read for t in (pair.before, pair.after)]
    images = [p for f in everyone for p in (f.lesion, f.labels) if p is not None]
    drawn_on = [request.labels] if request.labels and request.labels not in images else []
    facts = {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources([*dict.fromkeys([*tables, *images, *drawn_on])]),
        "BrainfillArguments": to_dict(request.config) | to_dict(request.read),
        **result.facts,
        "Warnings": list(heard),
        "Versions": versions(_PACKAGES),
    }
    return result, json.loads(json.dumps(facts, allow_nan=False))


def _read(files: PairFiles, read: ReadConfig, warn: Callable[[str], None]) -> Pair:
    from brainfill.io.thickness import read_thickness, region_numbers
    from brainfill.thickness.compare import Pair
    from brainfill.thickness.near import lesion_distances

    before, after = (read_thickness(path) for path in (files.before, files.after))
    if files.lesion is None:
        return Pair(files.subject, before, after)
    if files.labels is None:
        msg = f"'{files.subject}' has a lesion mask and no label map"
        raise DataError(msg, "distances of regions to lesions need both")
    labels, lesion = _labels_and_lesion(files.labels, files.lesion, read, warn)
    numbers = region_numbers(files.labels, before, after)
    try:
        distances = lesion_distances(labels, numbers, lesion)
    except DataError as error:
        msg = f"lesion mask '{files.lesion}' and label map '{files.labels}': {error}"
        raise DataError(msg, error.hint) from error
    return Pair(files.subject, before, after, distances)


def _labels_and_lesion(
    labels_path: Path, lesion_path: Path, read: ReadConfig, warn: Callable[[str], None]
) -> tuple[LabelMap, Mask]:
    from brainfill.core.volume import Volume
    from brainfill.io.nifti import read_mask
    from brainfill.io.thickness import read_labels
    from brainfill.preprocess.match import match_mask

    labels = read_labels(labels_path, warn)
    lesion = read_mask(lesion_path, label=read.label, nan_to_zero=read.nan_to_zero, warn=warn)
    image = Volume(labels.data, labels.grid)
    try:
        return labels, match_mask(lesion, image, assume_same_grid=read.assume_same_grid, warn=warn)
    except GeometryError as error:
        msg = f"lesion mask '{lesion_path}' and label map '{labels_path}' do not fit: {error}"
        raise GeometryError(msg, error.hint) from error


def _picture(
    request: CompareRequest, read: Sequence[Pair], warn: Callable[[str], None]
) -> Picture | None:
    """The map to draw on: the one asked for, else that of the first person who has one.

    Raises:
        DataError: the regions are not in it.
    """
    import numpy as np

    from brainfill.io.thickness import read_labels, region_numbers

    first = next((i for i, f in enumerate(request.pairs) if f.labels is not None), 0)
    files, pair = request.pairs[first], read[first]
    path = request.labels or files.labels
    if path is None:
        return None
    numbers = region_numbers(path, pair.before, pair.after)
    # Of a cohort, one person's lesions say nothing about the mean.
    if files.lesion is None or len(request.pairs) > 1:
        picture = Picture(read_labels(path, warn), numbers)
    else:
        labels, lesion = _labels_and_lesion(path, files.lesion, request.read, warn)
        picture = Picture(labels, numbers, lesion)
    if not np.isin(picture.labels.data, list(numbers.values())).any():
        msg = f"none of the {len(numbers)} regions of '{pair.before.source}' is in the label map '{path}'"
        raise DataError(msg, "check that the label map belongs to these thickness results")
    return picture
