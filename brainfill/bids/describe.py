"""What makes a folder of results a BIDS derivative: descriptions, and what validators shall pass over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brainfill import __version__
from brainfill.bids.dataset import DESCRIPTION, Dataset, names_us
from brainfill.bids.stage import REFUSED
from brainfill.core.atomic import make_folder, replacing
from brainfill.core.documents import read_json
from brainfill.core.errors import BrainfillError, ConfigError
from brainfill.io.sidecar import write_sidecar

_VERSION = "1.10.0"
_IGNORED = "*.html\nlogs/\nfigures\n*_xfm.*\n*_thickness.*\n*_desc-preproc.json\ngroup_*\n"
_README = """# Filled T1-weighted scans

Made by brainfill: lesions of the scans in `raw` (see DatasetLinks in dataset_description.json) replaced by plausible
healthy tissue. Research use only.

- `*_desc-filled_T1w.nii.gz`: the scan on its own grid; only voxels of `*_desc-filled_mask.nii.gz` may differ from it.
- `*_label-lesion_mask.nii.gz`: the lesion masks that were found, joined on the grid of the scan.
- `*_desc-lesions_dseg.nii.gz` and `.tsv`: the lesions, numbered, with volume, place and brightness before and after.
- `*_desc-smoothed_T1w.nii.gz`: the fill without stripes; `*_desc-preproc_T1w.nii.gz`: stripped and corrected.
- `*_desc-filled_thickness.nii.gz` and `.tsv`: thickness of the cortex [mm] in the filled scan, by voxel and by region;
  `*_desc-filled_dseg.nii.gz` and `.tsv`: the regions. `*_desc-unfilled_*`: the same of the scan as it was.
- `*_desc-change*_thickness.*`: thickness before against after, by region, near lesions and far from them.
- `group_T1w.tsv`: one row per scan, once the group level was run; `group_thickness*`: change of thickness over people.
- `logs/`: what was done, and what was said.
"""
_CITATION = """# What to cite

Lesions were filled with brainfill {version} (method `{method}`{model}).

The text of a methods section: *Lesions in T1-weighted images were replaced by plausible healthy tissue with brainfill
{version} (method {method}), on the grid of each scan; voxels outside the lesion mask and {around} were left
as they were.*
"""
_MEASURED = """
*Cortical thickness was measured with the backend {thickness_backend} of brainfill {version}*; cite the tool it calls, too.
"""


def describe_dataset(data: Dataset, method: Mapping[str, Any]) -> None:
    """Write the files at the top of the output dataset; README.md and .bidsignore only if they are not there.

    Args:
        data: the folders.
        method: the options of the run, for CITATION.md.

    Raises:
        ConfigError: the output folder holds a dataset that is none of ours, or cannot be written.
    """
    before = _ours(data.out)
    known = before.get("DatasetLinks")
    make_folder(data.out / "logs", REFUSED)
    links = {"raw": _address(data.raw, data.out)}
    links |= {name: _address(path, data.out) for name, path in data.derivatives.items()}
    made_by = {"Name": "brainfill", "Version": __version__} | _container()
    facts = {
        "Name": "brainfill: T1-weighted scans with their lesions filled",
        "BIDSVersion": _VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [made_by],
        "HowToAcknowledge": "See logs/CITATION.md",
        "DatasetLinks": {**(known if isinstance(known, dict) else {}), **links},
    }
    if facts != before:
        write_sidecar(facts, data.out / DESCRIPTION)
    for name, text in (("README.md", _README), (".bidsignore", _IGNORED)):
        if not (data.out / name).exists():
            _write(data.out / name, text)
    model = f", model `{method['model']}`" if method["method"] == "diffusion" else ""
    text = _CITATION + (_MEASURED if {"thickness", "compare"} & set(method["steps"]) else "")
    _write(
        data.out / "logs" / "CITATION.md",
        text.format(**{**method, "model": model, "around": _around(method)}, version=__version__),
    )


def _around(method: Mapping[str, Any]) -> str:
    """What is filled beside the lesions, in words."""
    reach_mm = method["dilate"]
    if reach_mm == "auto":
        return "the rim that was judged to belong to each lesion"
    return f"{reach_mm:g} mm around it"


def _ours(out: Path) -> dict[str, Any]:
    """Our own description in the output folder, if there is one already."""
    place = out / DESCRIPTION
    if not place.exists():
        return {}
    try:
        found = read_json(place) if place.is_file() else {}
    except BrainfillError:
        found = {}
    if not names_us(found):
        msg = f"'{out}' holds another dataset: its {DESCRIPTION} names no brainfill"
        raise ConfigError(msg, "choose a folder of its own for the results")
    return found


def _address(path: Path, out: Path) -> str:
    """Where a dataset lies, seen from the output; such links stay true when both are moved together."""
    return Path(os.path.relpath(path.resolve(), out.resolve())).as_posix()


def _container() -> dict[str, Any]:
    """The container this runs in, by the variables that its recipe or its engine sets."""
    tag = os.environ.get("BRAINFILL_DOCKER_TAG")
    for kind in ("apptainer", "singularity"):
        if place := os.environ.get(f"{kind.upper()}_CONTAINER"):
            found = {"Type": kind, "URI": place} | ({"Tag": tag} if tag else {})
            return {"Container": found}
    return {"Container": {"Type": "docker", "Tag": tag}} if tag else {}


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_bytes() == text.encode():
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
