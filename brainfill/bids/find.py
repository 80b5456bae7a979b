"""The scans of a dataset and the lesion masks that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from brainfill.bids.names import (
    LESION_FORMS,
    LESION_WORDS,
    Name,
    bare,
    belongs,
    is_lesion,
    is_native,
    parse,
    passes,
    short_keys,
)
from brainfill.core.documents import read_json
from brainfill.core.errors import ConfigError, DataError, InputMissingError
from brainfill.core.registry import did_you_mean

DESCRIPTION = "dataset_description.json"


@dataclass(frozen=True)
class Dataset:
    """Where things are.

    Args:
        raw: the BIDS folder.
        out: where results go.
        derivatives: datasets with masks, by name.
        t1w: which T1w images are wanted, by entity.
        lesion: which masks are wanted; the usual forms if empty.
        named: whether the user named the derivatives, so that masks there that say nothing more are lesions.
    """

    raw: Path
    out: Path
    derivatives: Mapping[str, Path]
    t1w: Mapping[str, Any] = field(default_factory=dict)
    lesion: Mapping[str, Any] = field(default_factory=dict)
    named: bool = False


@dataclass(frozen=True)
class Case:
    """One T1w image and its lesion masks: the unit of work.

    Args:
        t1: the image.
        name: what its name says.
        masks: where the person lay; several are joined.
        template_masks: in the space of a template, each with its transform to the T1w.
        lack: why there is no mask to use; "" if there is.
    """

    t1: Path
    name: Name
    masks: tuple[Path, ...] = ()
    template_masks: tuple[tuple[Path, Path], ...] = ()
    lack: str = ""

    @property
    def key(self) -> str:
        """What names of outputs begin with."""
        return self.t1.name.removesuffix(f"_T1w{self.name.extension}")

    @property
    def folder(self) -> Path:
        """Of the outputs, in the output dataset."""
        parts = [f"{e}-{self.name.entities[e]}" for e in ("sub", "ses") if e in self.name.entities]
        return Path(*parts, "anat")

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read."""
        return [self.t1, *self.masks, *(p for pair in self.template_masks for p in pair)]


def open_dataset(
    raw: Path, out: Path, derivatives: Sequence[str], filter_file: str, *, check: bool
) -> Dataset:
    """The folders of a run, looked at.

    Args:
        raw: BIDS folder.
        out: output folder; need not exist.
        derivatives: FOLDER or NAME=FOLDER; without any, all in `raw`/derivatives.
        filter_file: path of a JSON, or "".
        check: whether `raw` must have a description.

    Raises:
        ConfigError: the output would go into a dataset of another kind, or a filter is unknown.
        InputMissingError: a folder or file is not there.
    """
    if not raw.is_dir():
        msg = f"BIDS folder '{raw}' {'is not a folder' if raw.exists() else 'does not exist'}"
        raise InputMissingError(msg, "check the path")
    if check and not (raw / DESCRIPTION).is_file():
        msg = f"'{raw}' is no BIDS dataset: it has no {DESCRIPTION}"
        raise InputMissingError(msg, "check the path, or insist with --skip-bids-validation")
    if raw.resolve() == out.resolve():
        msg = f"OUT_DIR is BIDS_DIR, '{raw}'"
        raise ConfigError(msg, f"for example '{raw / 'derivatives' / 'brainfill'}'")
    filters = read_json(Path(filter_file)) if filter_file else {}
    for part in filters:
        if part not in ("t1w", "lesion"):
            msg = f"'{filter_file}' filters '{part}'; expected t1w and lesion"
            raise ConfigError(msg, did_you_mean(part, ["t1w", "lesion"]))
    wanted = {part: short_keys(filters.get(part, {}), part) for part in ("t1w", "lesion")}
    named = _named(derivatives) if derivatives else _beside(raw)
    apart = {name: path for name, path in named.items() if path.resolve() != out.resolve()}
    return Dataset(raw, out, apart, wanted["t1w"], wanted["lesion"], named=bool(derivatives))


def find_cases(data: Dataset, people: Sequence[str], sessions: Sequence[str]) -> list[Case]:
    """Every wanted T1w image with its masks, in alphabetical order.

    Args:
        data: the folders.
        people: labels with or without "sub-"; all if empty.
        sessions: labels with or without "ses-"; all if empty.

    Raises:
        InputMissingError: a person that is not there, or no T1w image at all.
    """
    there = [p.name.removeprefix("sub-") for p in sorted(data.raw.glob("sub-*")) if p.is_dir()]
    wanted = bare(people, "sub") or tuple(there)
    for label in wanted:
        if label not in there:
            msg = (
                f"no folder sub-{label} in '{data.raw}'; found {len(there)} people: {_some(there)}"
            )
            raise InputMissingError(msg, did_you_mean(label, there))
    kept = bare(sessions, "ses")
    cases = [case for label in sorted(wanted) for case in _cases_of(data, label, kept)]
    if not cases:
        what = " and ".join(f"{k}-{v}" for k, v in data.t1w.items())
        of = f" of session {', '.join(kept)}" if kept else ""
        msg = f"no T1w image{of} of {len(wanted)} people in '{data.raw}'{' with ' + what if what else ''}"
        raise InputMissingError(msg, "expected sub-LABEL/[ses-LABEL/]anat/*_T1w.nii.gz")
    return cases


def _cases_of(data: Dataset, label: str, sessions: Sequence[str]) -> list[Case]:
    person = data.raw / f"sub-{label}"
    folders = [person / "anat", *(p / "anat" for p in sorted(person.glob("ses-*")))]
    scans = [(path, name) for f in folders for path, name in _images(f) if name.suffix == "T1w"]
    n_sessions = len({name.entities.get("ses") for _, name in scans})
    chosen = [
        (path, name)
        for path, name in scans
        if passes(name, data.t1w) and (not sessions or name.entities.get("ses") in sessions)
    ]
    if not chosen:
        return []
    found = _masks_of(data, label)
    return [_case(data, path, name, found, n_sessions) for path, name in chosen]


def _case(
    data: Dataset, t1: Path, name: Name, found: Sequence[tuple[Path, Name]], sessions: int
) -> Case:
    """A scan with its masks: those in the person's own space, or else those that a transform brings there."""
    own = [(path, mask) for path, mask in found if belongs(mask, name, sessions)]
    native = tuple(path for path, mask in own if is_native(mask))
    if native:
        return Case(t1, name, native)
    pairs = [(path, _transform_for(path, mask, data)) for path, mask in own]
    carried = tuple((path, xfm) for path, xfm in pairs if xfm)
    if carried:
        return Case(t1, name, (), carried)
    return Case(
        t1, name, lack=_lack(data, t1, [path for path, _ in own], [path for path, _ in found])
    )


def _masks_of(data: Dataset, label: str) -> list[tuple[Path, Name]]:
    found = []
    others = data.derivatives.values()
    for root, derivative in ((data.raw, False), *((p, data.named) for p in others)):
        for path, name in _images_below(root, label):
            asked = (
                passes(name, data.lesion) if data.lesion else is_lesion(name, derivative=derivative)
            )
            if asked and name.suffix != "T1w":
                found.append((path, name))
    return found


def _images_below(root: Path, label: str) -> Iterable[tuple[Path, Name]]:
    """Images of a person in a dataset, in the person's folder or flat in the dataset's."""
    yield from (pair for folder in (root / f"sub-{label}", root) for pair in _tree(folder, label))


def _tree(folder: Path, label: str) -> Iterable[tuple[Path, Name]]:
    below = folder.name == f"sub-{label}"
    paths = sorted(folder.rglob("*.nii*") if below else folder.glob(f"sub-{label}_*.nii*"))
    for path in paths:
        name = parse(path)
        if name is None:
            continue
        # LST-AI's own names say nothing of person and session; the folders do.
        said = dict(
            p.split("-", 1) for p in path.parts if p.startswith(("sub-", "ses-")) and "_" not in p
        )
        entities = {k: v for k, v in said.items() if k in ("sub", "ses")} | dict(name.entities)
        if entities.get("sub") == label:
            yield path, replace(name, entities=entities)


def _images(folder: Path) -> list[tuple[Path, Name]]:
    named = [(path, parse(path)) for path in sorted(folder.glob("*.nii*"))]
    return [(path, name) for path, name in named if name is not None]


def _transform_for(mask: Path, name: Name, data: Dataset) -> Path | None:
    """A transform from the mask's space to the T1w, in the mask's folder or among the person's derivatives."""
    pattern = f"*_from-{name.entities.get('space')}_to-T1w_mode-image_xfm.*"
    label = name.entities.get("sub", "")
    folders = [mask.parent, *(p / f"sub-{label}" for p in data.derivatives.values() if label)]
    return next((x for f in folders for x in sorted(f.rglob(pattern)) if x.suffix != ".json"), None)


def _lack(data: Dataset, t1: Path, elsewhere: Sequence[Path], others: Sequence[Path]) -> str:
    if elsewhere:
        return (
            f"the only lesion masks of '{t1.name}' lie in the space of a template ({_names(elsewhere)}), and there "
            "is no *_from-SPACE_to-T1w_mode-image_xfm to bring them back"
        )
    places = ", ".join(f"'{p}'" for p in (data.raw, *data.derivatives.values()))
    if data.lesion:
        forms = "files with " + ", ".join(f"{k}-{v}" for k, v in data.lesion.items())
    else:
        forms = f"{'; '.join(LESION_FORMS)} (LESION: {LESION_WORDS})"
    unfit = f"; of other scans there are {_names(others)}" if others else ""
    return f"no lesion mask of '{t1.name}' in {places}; looked for {forms}{unfit}"


def _named(derivatives: Sequence[str]) -> dict[str, Path]:
    found = {}
    for text in derivatives:
        name, equals, path = text.partition("=")
        folder = Path(path if equals else text)
        if not folder.is_dir():
            msg = f"derivatives '{folder}' {'is not a folder' if folder.exists() else 'does not exist'}"
            raise InputMissingError(msg, "--derivatives FOLDER, or NAME=FOLDER")
        found[name if equals else folder.name] = folder
    return found


def _beside(raw: Path) -> dict[str, Path]:
    """Datasets in the derivatives folder, but our own earlier results."""
    folders = [p for p in sorted((raw / "derivatives").glob("*")) if p.is_dir()]
    return {p.name: p for p in folders if not _is_ours(p)}


def _is_ours(folder: Path) -> bool:
    try:
        made_by = read_json(folder / DESCRIPTION).get("GeneratedBy", [])
    except (InputMissingError, DataError):
        return False
    return any(isinstance(m, dict) and m.get("Name") == "brainfill" for m in made_by)


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")


def _names(paths: Sequence[Path]) -> str:
    return _some([p.name for p in paths])
