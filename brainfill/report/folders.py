"""Texts of pages without the folders of files: pages are sent on, and folders tell who made them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A path from the root, from home, from the folder above, of a drive, or as an address.
_BEGIN = r"(?:file://)?(?:(?:~\w*|\.\.)?/|[A-Za-z]:[\\/])"
_WHOLE = re.compile(_BEGIN)
_QUOTED = re.compile(rf"'{_BEGIN}(?:[^'\n]*[\\/])?([^'\n]*)'")
# A comma with a path behind it is between two.
_NAME = r"(?:[^\s'\"/\\,]|,(?![/\\]))"
_BARE = re.compile(rf"(?<![\w.:/\\<-]){_BEGIN}(?:{_NAME}+[/\\])+({_NAME}*)")


def without_folders(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """A text, or the texts in lists and mappings, with names alone where there were paths.

    Paths below the folder where the command was given stay as they were.

    >>> without_folders("/home/jo/scans/T1.nii.gz"), without_folders("scans/T1.nii.gz")
    ('T1.nii.gz', 'scans/T1.nii.gz')
    >>> without_folders("'/home/jo/T1.nii.gz' is empty, see https://a.org/b/c and bids:raw:sub-01/a.nii")
    "'T1.nii.gz' is empty, see https://a.org/b/c and bids:raw:sub-01/a.nii"
    >>> without_folders(["--set", "template=/data/jo/MNI", {"/a/x": 1, "/b/x": 2}])
    ['--set', 'template=MNI', {'x': 1, 'x (2)': 2}]
    """
    if isinstance(value, str):
        return (
            _name(value) if _WHOLE.match(value) else _BARE.sub(r"\1", _QUOTED.sub(r"'\1'", value))
        )
    if isinstance(value, list | tuple):
        return [without_folders(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for key, each in value.items():
        name, count = without_folders(key), 1
        while name in found:
            count += 1
            name = f"{without_folders(key)} ({count})"
        found[name] = without_folders(each)
    return found


def _name(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] or path
