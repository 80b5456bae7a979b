"""File names of BIDS: what they say, and which belong together.

pybids is not used: it takes seconds to load and indexes whole datasets, where a few patterns are enough here.
"""

from __future__ import annotations

import re
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
# By these a T1w differs from others of the session; a mask that has one must have the same.
_OF_THE_SCAN = ("acq", "rec", "run", "ce", "echo", "inv", "part", "chunk")
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
        entities: short keys such as "sub", "ses", "run", with their values.
        suffix: the last word, such as "T1w"; "" where the name ends in an entity.
        extension: ".nii.gz" or ".nii".
    """

    entities: Mapping[str, str]
    suffix: str
    extension: str

    def get(self, key: str) -> str | None:
        """An entity, the suffix or the extension; None where the name has none."""
        own = {"suffix": self.suffix, "extension": self.extension, "datatype": "anat"}
        return own.get(key) or self.entities.get(key)


def parse(path: Path) -> Name | None:
    """What the name of an image says; None if it is no image.

    >>> parse(Path("sub-01_T1w_label-lesion_roi.nii.gz"))
    Name(entities={'sub': '01', 'label': 'lesion'}, suffix='roi', extension='.nii.gz')
    """
    extension = next((e for e in EXTENSIONS if path.name.endswith(e)), None)
    if extension is None or path.name.startswith("."):
        return None
    words = path.name.removesuffix(extension).split("_")
    pairs = [(w.partition("-")[0], w.partition("-")[2]) for w in words if "-" in w]
    suffix = "" if "-" in words[-1] else words[-1]
    return Name(dict(pairs), suffix, extension)


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


def belongs(mask: Name, scan: Name, sessions: int) -> bool:
    """Whether a mask can be that of a scan of the same person.

    What the mask's name does not say is no hindrance, but for the session where there are several.

    Args:
        mask: its name.
        scan: name of the T1w.
        sessions: how many the person has.
    """
    own = mask.entities.get("ses")
    if own != scan.entities.get("ses") and (own is not None or sessions > 1):
        return False
    return all(
        mask.entities[key] == scan.entities[key]
        for key in _OF_THE_SCAN
        if key in mask.entities and key in scan.entities
    )


def passes(name: Name, wanted: Mapping[str, object]) -> bool:
    """Whether a name has the entities a filter asks for; None there means without, a list means one of them."""
    for key, value in wanted.items():
        allowed = value if isinstance(value, list) else [value]
        if name.get(key) not in [None if v is None else str(v) for v in allowed]:
            return False
    return True


def short_keys(wanted: Mapping[str, object], where: str) -> dict[str, object]:
    """A filter with the short keys of file names, such as ses for session.

    Raises:
        ConfigError: a key that no file name has.
    """
    keys = {key: _LONG.get(key, key) for key in wanted}
    for long, key in keys.items():
        if key not in _KNOWN:
            known = [*_LONG, *_KNOWN]
            msg = f"filter '{where}' has an unknown entity '{long}'; known: {', '.join(known)}"
            raise ConfigError(msg, did_you_mean(long, known))
    return {keys[key]: value for key, value in wanted.items()}


def bare(labels: Sequence[str], prefix: str) -> tuple[str, ...]:
    """Labels without their prefix, each once.

    >>> bare(["sub-01", "02", "01"], "sub")
    ('01', '02')
    """
    return tuple(dict.fromkeys(label.removeprefix(f"{prefix}-") for label in labels))
