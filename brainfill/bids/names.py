"""File names of BIDS: what they say, and which belong together.

pybids is not used: it takes seconds to load and indexes whole datasets, where a few patterns are enough here.
"""

from __future__ import annotations

import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from brainfill.core.errors import ConfigError
from brainfill.core.registry import did_you_mean

EXTENSIONS = (".nii.gz", ".nii")
# The words filter files of other BIDS-Apps use for entities.
_LONG = {
    "subject": "sub",
    "session": "ses",
    "acquisition": "acq",
    "reconstruction": "rec",
    "ceagent": "ce",
    "description": "desc",
    "direction": "dir",
}
_KNOWN = (
    *(
        "sub",
        "ses",
        "acq",
        "rec",
        "run",
        "ce",
        "dir",
        "echo",
        "inv",
        "part",
        "chunk",
        "space",
        "res",
    ),
    *("desc", "label", "seg", "hemi", "suffix", "extension", "datatype"),
)
# What these say of a mask is not which scan it is of; all others, such as acq and run, are.
_OF_THE_MASK = (
    *("sub", "ses", "space", "cohort", "res", "den", "desc", "label", "seg", "atlas", "scale"),
    *("hemi", "mod", "from", "to", "mode"),
)
_NUMBERED = ("run", "echo", "inv", "chunk", "split", "flip")
_LABEL = re.compile(r"[0-9A-Za-z+]+")
# Values of a filter that are no labels.
_WORDS = ("suffix", "extension", "datatype")
# Of complex scans these are no images of tissue.
_NO_TISSUE = ("phase", "imag")
_NATIVE = ("", "t1w", "t1", "orig", "individual", "scanner", "native", "flair", "t2w")
_LESION = re.compile(r"(lesions?|tumou?rs?|strokes?|infarcts?|wmh)\d*", re.IGNORECASE)

LESION_FORMS = (
    "*_label-LESION_roi",
    "*_T1w_label-LESION_roi",
    "*_label-LESION_mask",
    "*_desc-LESION_mask",
    "*_space-SPACE_..._mask of these",
    "*_seg-lst",
    "in datasets given by --derivatives also *_mask without label and desc",
)
LESION_WORDS = "lesion, tumor, tumour, stroke, infarct, wmh or L"


@dataclass(frozen=True)
class Name:
    """What a file name says.

    Args:
        text: the name without its extension.
        entities: short keys such as "sub", "ses", "run", with their values.
        suffix: the last word, such as "T1w"; "" where the name ends in an entity.
        extension: ".nii.gz" or ".nii".
    """

    text: str
    entities: Mapping[str, str]
    suffix: str
    extension: str

    def get(self, key: str) -> str | None:
        """An entity, the suffix or the extension; None where the name has none."""
        own = {"suffix": self.suffix, "extension": self.extension, "datatype": "anat"}
        return own.get(key) or self.entities.get(key)


def parse(path: Path) -> Name | None:
    """What the name of an image says; None if it is no image.

    >>> parse(Path("sub-01_label-lesion_roi.nii.gz"))
    Name(text='sub-01_label-lesion_roi', entities={'sub': '01', 'label': 'lesion'}, suffix='roi', extension='.nii.gz')
    """
    extension = next((e for e in EXTENSIONS if path.name.endswith(e)), None)
    if extension is None or path.name.startswith("."):
        return None
    return read_name(path.name.removesuffix(extension), extension)


def read_name(text: str, extension: str) -> Name:
    """What a name without its extension says."""
    words = text.split("_")
    pairs = [(w.partition("-")[0], w.partition("-")[2]) for w in words if "-" in w]
    suffix = "" if "-" in words[-1] else words[-1]
    return Name(text, dict(pairs), suffix, extension)


def is_label(text: str) -> bool:
    """Whether a word can be the value of an entity: letters and digits, and + between them.

    >>> is_label("01"), is_label("a*"), is_label("01 old"), is_label("../x")
    (True, False, False, False)
    """
    return _LABEL.fullmatch(text) is not None


def printable(text: str) -> str:
    r"""A file name that can be written anywhere: bytes that are not UTF-8 as they are escaped.

    >>> printable("sub-\udce9")
    'sub-\\xe9'
    """
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def is_lesion(name: Name, *, derivative: bool) -> bool:
    """Whether this is a mask of lesions, by any of the forms in use.

    Args:
        name: of the file.
        derivative: whether it lies in a dataset that was given for its masks, where one that says nothing more counts.
    """
    if name.suffix in ("roi", "mask"):
        said = [name.entities[key] for key in ("label", "desc") if key in name.entities]
        if any(word == "L" or _LESION.fullmatch(word) for word in said):
            return True
        return derivative and name.suffix == "mask" and not said
    # LST-AI; its desc-annotated map numbers the lesions by region.
    return not name.suffix and name.entities.get("seg") == "lst" and "desc" not in name.entities


def is_native(name: Name) -> bool:
    """Whether the file lies where the person lay in the scanner, and not in the space of a template."""
    return name.entities.get("space", "").lower() in _NATIVE


def is_scan(name: Name) -> bool:
    """Whether the file is a T1w that can be filled; the phase of a complex one cannot."""
    return name.suffix == "T1w" and name.entities.get("part") not in _NO_TISSUE


def scans_of(mask: Name, scans: Sequence[Name], *, share: bool = False) -> list[Name]:
    """The scans that a mask is of, by its name.

    A mask named after a scan in full, as `sub-01_acq-a_T1w_label-lesion_roi`, is of that one. Otherwise each entity
    that it has in common with a scan, such as acq or run, ties it to the scans that have the same; one that names
    none in particular is of all scans of its session.

    Args:
        mask: its name; that of a transform is read in the same way.
        scans: names of all T1w images of the person.
        share: whether a mask without session is of all sessions, where there are several.
    """
    if own := [scan for scan in scans if mask.text.startswith(f"{scan.text}_")]:
        return own
    session = mask.entities.get("ses")
    sessions = {scan.entities.get("ses") for scan in scans}
    if session is None and len(sessions) > 1 and not share:
        return []
    near = [scan for scan in scans if session is None or scan.entities.get("ses") == session]
    said = [key for key in mask.entities if key not in _OF_THE_MASK]
    ties = [key for key in said if any(_same(key, mask, scan) for scan in near)]
    return [
        scan
        for scan in near
        if all(_same(key, mask, scan) for key in said if key in ties or key in scan.entities)
    ]


def _same(key: str, one: Name, other: Name) -> bool:
    return key in other.entities and _value(key, one.get(key)) == _value(key, other.get(key))


def _value(key: str, value: object) -> object:
    """A value to compare: run-1 is run-01."""
    text = None if value is None else str(value)
    return text.lstrip("0") or "0" if text and key in _NUMBERED and text.isdecimal() else text


def passes(name: Name, wanted: Mapping[str, object]) -> bool:
    """Whether a name has the entities a filter asks for; None there means without, a list means one of them."""
    for key, value in wanted.items():
        allowed = value if isinstance(value, list) else [value]
        if _value(key, name.get(key)) not in [_value(key, v) for v in allowed]:
            return False
    return True


def short_keys(wanted: object, where: str) -> dict[str, object]:
    """A filter with the short keys of file names, such as ses for session.

    Args:
        wanted: entities with the value each must have, a list of such values, or None where there must be none.
        where: which filter this is, for messages.

    Raises:
        ConfigError: a key that no file name has, or a value that none can have.
    """
    if not isinstance(wanted, Mapping):
        msg = f"filter '{where}' is {reprlib.repr(wanted)}, expected entities and their values"
        raise ConfigError(msg, f'for example {{"{where}": {{"acquisition": "mprage"}}}}')
    keys: dict[str, str] = {str(key): _LONG.get(str(key), str(key)) for key in wanted}
    for long, key in keys.items():
        if key not in _KNOWN:
            known = [*_LONG, *_KNOWN]
            msg = f"filter '{where}' has an unknown entity '{long}'; known: {', '.join(known)}"
            raise ConfigError(msg, did_you_mean(long, known))
        _check_values(key, wanted[long], f"{where}.{long}")
    return {keys[key]: value for key, value in wanted.items()}


def _check_values(key: str, value: object, where: str) -> None:
    values = value if isinstance(value, list) else [value]
    for each in values:
        word = isinstance(each, str) and (key in _WORDS or is_label(each))
        if not (word or each is None or (isinstance(each, int) and not isinstance(each, bool))):
            msg = f"filter '{where}' holds {reprlib.repr(each)}, expected a label, a number or null"
            raise ConfigError(msg, "leave the entity out to allow whatever it is")
    if not values:
        msg = f"filter '{where}' is an empty list, which nothing fits"
        raise ConfigError(msg, "leave the entity out to allow whatever it is")


def bare(labels: Sequence[str], prefix: str) -> tuple[str, ...]:
    """Labels without their prefix, each once.

    Raises:
        ConfigError: one that no BIDS name can have.

    >>> bare(["sub-01", "02", "01"], "sub")
    ('01', '02')
    """
    found = tuple(dict.fromkeys(label.removeprefix(f"{prefix}-") for label in labels))
    for label in found:
        if not is_label(label):
            msg = f"'{printable(label)}' is no label of BIDS: expected letters and digits, as in {prefix}-01"
            raise ConfigError(msg, "name each one; without any, all are taken")
    return found
