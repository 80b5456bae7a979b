"""The scans of a dataset and the lesion masks that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from brainfill.bids.dataset import Dataset
from brainfill.bids.names import (
    LESION_FORMS,
    LESION_WORDS,
    Name,
    bare,
    is_label,
    is_lesion,
    is_native,
    is_scan,
    parse,
    passes,
    printable,
    read_name,
    scans_of,
)
from brainfill.core.context import ignore
from brainfill.core.errors import InputMissingError
from brainfill.core.registry import did_you_mean


@dataclass(frozen=True)
class Case:
    """One T1w image and its lesion masks: the unit of work.

    Args:
        t1: the image.
        name: what its name says.
        masks: where the person lay; several are joined.
        template_masks: in the space of a template, each with its transform to the T1w.
        lack: why it cannot be filled; "" if it can.
        hint: what can be done about that.
        notes: doubts about its masks.
    """

    t1: Path
    name: Name
    masks: tuple[Path, ...] = ()
    template_masks: tuple[tuple[Path, Path], ...] = ()
    lack: str = ""
    hint: str = "give the dataset that has it: --derivatives FOLDER"
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What names of outputs begin with."""
        return self.name.text.removesuffix("_T1w")

    @property
    def folder(self) -> Path:
        """Of the outputs, in the output dataset."""
        parts = [f"{e}-{self.name.entities[e]}" for e in ("sub", "ses") if e in self.name.entities]
        return Path(*parts, "anat")

    @property
    def inputs(self) -> list[Path]:
        """Every file that is read."""
        return [self.t1, *self.masks, *(p for pair in self.template_masks for p in pair)]

    @property
    def all_masks(self) -> list[Path]:
        """The masks in any space."""
        return [*self.masks, *(mask for mask, _ in self.template_masks)]


def find_cases(
    data: Dataset,
    people: Sequence[str],
    sessions: Sequence[str],
    warn: Callable[[str], None] = ignore,
) -> list[Case]:
    """Every wanted T1w image with its masks, in alphabetical order; of odd names a case that says what is odd.

    Args:
        data: the folders.
        people: labels with or without "sub-"; all if empty.
        sessions: labels with or without "ses-"; all if empty.
        warn: told who has no T1w, and which masks are used for several scans.

    Raises:
        ConfigError: a label that no BIDS name can have.
        InputMissingError: a person that is not there, or no T1w image at all, or none of somebody who is named.
    """
    there = [p.name.removeprefix("sub-") for p in sorted(data.raw.glob("sub-*")) if p.is_dir()]
    asked, kept = bare(people, "sub"), bare(sessions, "ses")
    for label in asked:
        if label not in there:
            msg = (
                f"no folder sub-{label} in '{data.raw}'; found {len(there)} people: {_some(there)}"
            )
            raise InputMissingError(msg, did_you_mean(label, there))
    found = {label: _cases_of(data, label, kept) for label in sorted(asked or there)}
    cases = [case for own in found.values() for case in own]
    without = [printable(label) for label, own in found.items() if not own]
    narrowed = bool(kept or data.t1w)
    if not cases or (without and asked and not narrowed):
        what = " and ".join(f"{k}-{v}" for k, v in data.t1w.items())
        of = f" of session {', '.join(kept)}" if kept else ""
        people_there = f"of {len(without)} people in '{data.raw}'{' with ' + what if what else ''}"
        msg = f"no T1w image{of} {people_there}: {_some(without)}"
        raise InputMissingError(msg, "expected sub-LABEL/[ses-LABEL/]anat/*_T1w.nii.gz")
    if without and (asked or not narrowed):
        warn(f"without a T1w image that is wanted: {_some(without)}")
    if shared := [case.key for case in cases if case.notes]:
        warn(
            f"scans with a mask that names none of the person's scans in particular: {_some(shared)}"
        )
    return cases


def _cases_of(data: Dataset, label: str, sessions: Sequence[str]) -> list[Case]:
    scans, odd = _scans(data, label)

    def wanted(name: Name) -> bool:
        return passes(name, data.t1w) and (not sessions or name.entities.get("ses") in sessions)

    chosen = [(path, name) for path, name in scans if wanted(name)]
    masks = _masks_of(data, label) if chosen else []
    names = [name for _, name in scans]
    cases = _each_once([_case(data, path, name, masks, names) for path, name in chosen])
    return [*cases, *(case for case in odd if wanted(case.name))]


def _scans(data: Dataset, label: str) -> tuple[list[tuple[Path, Name]], list[Case]]:
    """All T1w images of a person, and cases of what has no name to be one."""
    person = data.raw / f"sub-{label}"
    scans: list[tuple[Path, Name]] = []
    odd: list[Case] = []
    for folder in (person, *(p for p in sorted(person.glob("ses-*")) if p.is_dir())):
        said = _said(folder, data)
        images = [(path, name) for path, name in _images(folder / "anat") if is_scan(name)]
        if images and (bad := next((v for v in said.values() if not is_label(v)), None)):
            odd.append(_odd(folder, said, f"'{printable(bad)}' is no label of BIDS"))
            continue
        for path, name in images:
            if why := _oddity(name, said):
                odd.append(_odd(path, said, f"'{printable(path.name)}' {why}", name))
            else:
                scans.append((path, name))
    return scans, odd


def _oddity(name: Name, said: Mapping[str, str]) -> str:
    """Why a name is none of BIDS, or of another folder; "" if it is neither."""
    begin = "_".join(f"{key}-{value}" for key, value in said.items())
    if not name.text.startswith(f"{begin}_"):
        return f"does not begin with {begin}, as its folder does"
    bad = next((value for value in name.entities.values() if not is_label(value)), None)
    return "" if bad is None else f"is no name of BIDS: '{printable(bad)}' is no label"


def _odd(path: Path, said: Mapping[str, str], why: str, name: Name | None = None) -> Case:
    """The case of a file or folder that cannot be filled for its name, named by the folders it lies in."""
    folders = {key: printable(value) for key, value in said.items()}
    own = [printable(name.text)] if name else []
    text = "_".join([*(f"{key}-{value}" for key, value in folders.items()), *own])
    entities = {**(name.entities if name else {}), **folders}
    hint = "rename it: labels have letters and digits, as in sub-01_ses-1_T1w.nii.gz"
    return Case(path, Name(text, entities, "T1w", ""), lack=why, hint=hint)


def _each_once(cases: Sequence[Case]) -> list[Case]:
    """Refuse scans whose outputs would have the same names."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.key, []).append(case)
    return [same[0] if len(same) == 1 else _twice(same) for same in found.values()]


def _twice(same: Sequence[Case]) -> Case:
    names = " and ".join(f"'{case.t1}'" for case in same)
    why = f"{names} are both there, and would give outputs of the same names"
    return Case(
        same[0].t1, same[0].name, lack=why, hint="keep one of them, or rename it: sub-01_run-2_T1w"
    )


def _case(
    data: Dataset,
    t1: Path,
    name: Name,
    found: Sequence[tuple[Path, Name]],
    scans: Sequence[Name],
) -> Case:
    """A scan with its masks: those in the person's own space, or else those that a transform brings there."""
    owned = [(path, mask, scans_of(mask, scans, share=data.share)) for path, mask in found]
    own = [(path, mask) for path, mask, owners in owned if name in owners]
    native = tuple(path for path, mask in own if is_native(mask))
    pairs = [(path, _transform_for(path, mask, name, data, scans)) for path, mask in own]
    carried = () if native else tuple((path, xfm) for path, xfm in pairs if xfm)
    if not (native or carried):
        lack = _lack(data, t1, [path for path, _ in own], [path for path, _ in found])
        shared = [path for path, mask in found if name in scans_of(mask, scans, share=True)]
        return Case(t1, name, lack=lack, hint=_help(elsewhere=own, others=found, shared=shared))
    used = {*native, *(path for path, _ in carried)}
    notes = [
        f"the mask '{path.name}' names none of {len(owners)} scans in particular, and is used for each of them"
        for path, _, owners in owned
        if path in used and len(owners) > 1
    ]
    return Case(t1, name, native, carried, notes=tuple(notes))


def _masks_of(data: Dataset, label: str) -> list[tuple[Path, Name]]:
    found = []
    others = data.derivatives.values()
    for root, derivative in ((data.raw, False), *((p, data.named) for p in others)):
        for path, name in _images_below(root, label, data):
            asked = (
                passes(name, data.lesion) if data.lesion else is_lesion(name, derivative=derivative)
            )
            if asked and name.suffix != "T1w":
                found.append((path, name))
    return found


def _images_below(root: Path, label: str, data: Dataset) -> Iterable[tuple[Path, Name]]:
    """Images of a person in a dataset, in the person's folder or flat in the dataset's."""
    yield from (
        pair for folder in (root / f"sub-{label}", root) for pair in _tree(folder, label, data)
    )


def _tree(folder: Path, label: str, data: Dataset) -> Iterable[tuple[Path, Name]]:
    below = folder.name == f"sub-{label}"
    paths = sorted(folder.rglob("*.nii*") if below else folder.glob(f"sub-{label}_*.nii*"))
    for path in paths:
        name = parse(path)
        if name is not None and (own := _placed(path, name, data)).entities.get("sub") == label:
            yield path, own


def _placed(path: Path, name: Name, data: Dataset) -> Name:
    """A name with the person and the session of its folders, of which LST-AI's own names say nothing."""
    return replace(name, entities=_said(path.parent, data) | dict(name.entities))


def _said(folder: Path, data: Dataset) -> dict[str, str]:
    """Person and session by the folders of a dataset; those it lies in itself say nothing."""
    roots = (data.raw, *data.derivatives.values())
    inside = next(folder.relative_to(root) for root in roots if folder.is_relative_to(root))
    parts = [p for p in inside.parts if p.startswith(("sub-", "ses-"))]
    return dict(p.split("-", 1) for p in parts)


def _images(folder: Path) -> list[tuple[Path, Name]]:
    named = [(path, parse(path)) for path in sorted(folder.glob("*.nii*"))]
    return [(path, name) for path, name in named if name is not None]


def _transform_for(
    mask: Path, name: Name, scan: Name, data: Dataset, scans: Sequence[Name]
) -> Path | None:
    """A transform from the mask's space to the T1w, beside the mask or among the person's derivatives.

    Of several, the one that says most, so that a scan's own goes before the person's.
    """
    label = scan.entities["sub"]
    folders = [p / f"sub-{label}" for p in data.derivatives.values()]
    there = [
        *sorted(mask.parent.glob("*_xfm.*")),
        *(x for f in folders for x in sorted(f.rglob("*_xfm.*"))),
    ]
    fit = []
    for path in dict.fromkeys(there):
        own = _placed(path, read_name(path.name.partition(".")[0], ""), data)
        says = own.entities.get("from"), own.entities.get("to"), own.entities.get("mode")
        leads = says == (name.entities.get("space"), "T1w", "image") and path.suffix != ".json"
        if (
            leads
            and own.entities.get("sub") == label
            and scan in scans_of(own, scans, share=data.share)
        ):
            fit.append((path, own))
    return max(fit, key=lambda pair: len(pair[1].entities))[0] if fit else None


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


def _help(*, elsewhere: Sequence[Any], others: Sequence[Any], shared: Sequence[Any]) -> str:
    """What can be done about a scan without a mask, by which masks there are."""
    if shared and not elsewhere:
        return "--share-masks uses a mask whose name says no session for every session"
    if others and not elsewhere:
        return "name the mask as the scan is named, as in sub-01_run-1_label-lesion_mask.nii.gz"
    return "give the dataset that has it: --derivatives FOLDER"


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")


def _names(paths: Sequence[Path]) -> str:
    return _some([p.name for p in paths])
