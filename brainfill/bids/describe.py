"""What makes a folder of results a BIDS derivative: descriptions, sidecars, what validators shall pass over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brainfill import __version__
from brainfill.bids.find import DESCRIPTION, Case, Dataset
from brainfill.bids.stage import REFUSED
from brainfill.core.errors import BrainfillError, ConfigError
from brainfill.io.atomic import make_folder, replacing
from brainfill.io.sidecar import read_json, write_sidecar
from brainfill.io.tables import read_table, write_table

_VERSION = "1.10.0"
_IGNORED = "*.html\nlogs/\nfigures\n*_xfm.*\n*_desc-preproc.json\ngroup_*\n"
_README = """# Filled T1-weighted scans

Made by brainfill: lesions of the scans in `raw` (see DatasetLinks in dataset_description.json) replaced by plausible
healthy tissue. Research use only.

- `*_desc-filled_T1w.nii.gz`: the scan on its own grid; only voxels of `*_desc-filled_mask.nii.gz` may differ from it.
- `*_label-lesion_mask.nii.gz`: the lesion masks that were found, joined on the grid of the scan.
- `*_desc-lesions_dseg.nii.gz` and `.tsv`: the lesions, numbered, with volume, place and brightness before and after.
- `*_desc-smoothed_T1w.nii.gz`: the fill without stripes; `*_desc-preproc_T1w.nii.gz`: stripped and corrected.
- `group_T1w.tsv`: one row per scan, once the group level was run; `logs/`: what was done, and what was said.
"""
_CITATION = """# What to cite

Lesions were filled with brainfill {version} (method `{method}`{model}).

The text of a methods section: *Lesions in T1-weighted images were replaced by plausible healthy tissue with brainfill
{version} (method {method}), on the grid of each scan; voxels outside the lesion mask, grown by {dilate} voxel(s), were left
as they were.*
"""
_DESCRIPTIONS = {
    "desc-filled_T1w": "T1w with its lesions filled, on its own grid",
    "desc-smoothed_T1w": "Filled T1w, smoothed across its slices inside the fill where it had stripes",
    "desc-filled_mask": "Voxels that filling may have changed",
    "label-lesion_mask": "All lesion masks found, joined on the grid of the T1w",
    "desc-lesions_dseg": "Lesions numbered by size",
    "desc-preproc_T1w": "T1w, skull-stripped and corrected for its bias field",
    "desc-brain_mask": "Brain",
    "desc-biasfield_T1w": "Bias field that was divided out",
}
_MASKS = {"desc-filled_mask": "ROI", "label-lesion_mask": "Lesion", "desc-brain_mask": "Brain"}
_LESION_COLUMNS = {
    "voxels": ("Size of the lesion", "voxel"),
    "volume_ml": ("Volume of the lesion", "mL"),
    "x_mm": ("Centre of the lesion, towards the right, in the space of the scan", "mm"),
    "y_mm": ("Centre of the lesion, towards the front", "mm"),
    "z_mm": ("Centre of the lesion, upwards", "mm"),
    "mean_before": ("Mean intensity of the scan in the lesion", "arbitrary"),
    "mean_after": ("Mean intensity of the filled scan in the lesion", "arbitrary"),
}


def describe_dataset(data: Dataset, method: Mapping[str, Any]) -> None:
    """Write the files at the top of the output dataset; README.md and .bidsignore only if they are not there.

    Args:
        data: the folders.
        method: method, model and dilation, for CITATION.md.

    Raises:
        ConfigError: the output folder holds a dataset that is none of ours, or cannot be written.
    """
    before = _ours(data.out)
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
        "DatasetLinks": {**before.get("DatasetLinks", {}), **links},
    }
    if facts != before:
        write_sidecar(facts, data.out / DESCRIPTION)
    for name, text in (("README.md", _README), (".bidsignore", _IGNORED)):
        if not (data.out / name).exists():
            _write(data.out / name, text)
    model = f", model `{method['model']}`" if method["method"] == "diffusion" else ""
    _write(
        data.out / "logs" / "CITATION.md",
        _CITATION.format(**{**method, "model": model}, version=__version__),
    )


def describe_outputs(stage: Path, case: Case, data: Dataset, *, stripped: bool) -> None:
    """Make the sidecars in a stage those of BIDS, and write those that are missing."""
    for table in stage.glob("*_dseg.tsv"):
        _as_lookup(table)
    for image in stage.glob("*.nii.gz"):
        if "_xfm" in image.name:
            continue
        path = image.with_name(image.name.removesuffix(".nii.gz") + ".json")
        facts = read_json(path) if path.exists() else {}
        write_sidecar(_sidecar(image.name, facts, case, data, stripped=stripped), path)


def uri(path: str, data: Dataset) -> str:
    """A path as BIDS writes it: the dataset's name, and the path inside; one of no dataset as it is."""
    place = Path(path)
    for name, root in (("", data.out), *data.derivatives.items(), ("raw", data.raw)):
        if place.is_absolute() is root.is_absolute() and place.is_relative_to(root):
            return f"bids:{name}:{place.relative_to(root).as_posix()}"
    return path


def _sidecar(
    name: str, facts: dict[str, Any], case: Case, data: Dataset, *, stripped: bool
) -> dict[str, Any]:
    kind = "_".join(name.removesuffix(".nii.gz").split("_")[-2:])
    given = facts.pop("Sources", None) or [str(p) for p in case.inputs]
    about: dict[str, Any] = {"Description": _DESCRIPTIONS.get(kind, kind)}
    about["Sources"] = [uri(s, data) for s in given]
    if "SourcesSHA256" in facts:
        sums = facts.pop("SourcesSHA256")
        about["SourcesSHA256"] = {uri(s, data): value for s, value in sums.items()}
    if kind in _MASKS:
        about["Type"] = _MASKS[kind]
    if kind.endswith("_T1w"):
        about["SkullStripped"] = facts.pop("SkullStripped", stripped)
    if kind.endswith("_dseg"):
        about |= {c: {"Description": d, "Units": u} for c, (d, u) in _LESION_COLUMNS.items()}
    space = next((w[6:] for w in name.split("_") if w.startswith("space-")), "orig")
    facts.pop("SpatialReference", None)
    about["SpatialReference"] = space
    return {**about, "GeneratedBy": {"Name": "brainfill", "Version": __version__}, **facts}


def _as_lookup(table: Path) -> None:
    """Name the columns of a lesion table as BIDS wants those of a segmentation named."""
    rows = read_table(table)
    write_table(
        [{"index": r.pop("label"), "name": f"lesion {i}", **r} for i, r in enumerate(rows, 1)],
        table,
    )


def _ours(out: Path) -> dict[str, Any]:
    """Our own description in the output folder, if there is one already."""
    if not (out / DESCRIPTION).exists():
        return {}
    try:
        found = read_json(out / DESCRIPTION)
        ours = any(m.get("Name") == "brainfill" for m in found.get("GeneratedBy", []))
    except (BrainfillError, AttributeError):
        ours = False
    if not ours:
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
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
