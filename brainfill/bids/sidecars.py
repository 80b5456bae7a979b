"""Sidecars of a person's outputs as BIDS wants them, and lookup tables of segmentations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brainfill import __version__
from brainfill.bids.dataset import Dataset
from brainfill.bids.find import Case
from brainfill.core.documents import read_json
from brainfill.io.sidecar import write_sidecar
from brainfill.io.tables import read_table, write_table

_DESCRIPTIONS = {
    "desc-filled_T1w": "T1w with its lesions filled, on its own grid",
    "desc-smoothed_T1w": "Filled T1w, smoothed across its slices inside the fill where it had stripes",
    "desc-filled_mask": "Voxels that filling may have changed",
    "label-lesion_mask": "All lesion masks found, joined on the grid of the T1w",
    "desc-lesions_dseg": "Lesions numbered by size",
    "desc-preproc_T1w": "T1w, skull-stripped and corrected for its bias field",
    "desc-brain_mask": "Brain",
    "desc-biasfield_T1w": "Bias field that was divided out",
    "desc-filled_thickness": "Thickness of the cortex in the filled T1w [mm]",
    "desc-unfilled_thickness": "Thickness of the cortex in the T1w as it was [mm]",
    "desc-change_thickness": "Thickness of the cortex in the T1w as it was against that in the filled one",
    "desc-filled_dseg": "Regions of the cortex in the filled T1w",
    "desc-unfilled_dseg": "Regions of the cortex in the T1w as it was",
}
_MASKS = {"desc-filled_mask": "ROI", "label-lesion_mask": "Lesion", "desc-brain_mask": "Brain"}
_LESION_COLUMNS = {
    "voxels": ("Size of the lesion", "voxel"),
    "volume_ml": ("Volume of the lesion", "mL"),
    "x_mm": ("Centre of the lesion, towards the right, in the space of the scan", "mm"),
    "y_mm": ("Centre of the lesion, towards the front", "mm"),
    "z_mm": ("Centre of the lesion, upwards", "mm"),
    "mean_before": ("Mean intensity of the scan in the lesion", "arbitrary"),
    "rim_mm": ("How far the lesion was judged to reach beyond the border of its mask", "mm"),
    "mean_after": ("Mean intensity of the filled scan in the lesion", "arbitrary"),
}
_THICKNESS_COLUMNS = {
    "mean_mm": ("Mean thickness of the region's cortex", "mm"),
    "sd_mm": ("Standard deviation of the thickness within the region", "mm"),
    "voxels": ("Voxels of cortex that were measured", "voxel"),
    "volume_ml": ("Volume of the region's cortex", "mL"),
}
_THICKNESS = "_thickness.tsv"
# Facts that hold paths of files in the datasets.
_PATHS = ("BrainfillArguments", "ToolFolder")


def describe_outputs(stage: Path, case: Case, data: Dataset, *, stripped: bool) -> None:
    """Make the sidecars in a stage those of BIDS, and write those that are missing.

    Args:
        stage: with images, tables and records that have the names of the dataset.
        case: the person.
        data: whose files get addresses.
        stripped: whether the person's T1w shows a brain only.
    """
    for table in stage.glob("*_desc-lesions_dseg.tsv"):
        _as_lookup(table)
    for image in stage.glob("*_dseg.nii.gz"):
        _name_regions(image)
    images = [p for p in stage.glob("*.nii.gz") if "_xfm" not in p.name]
    records = {p.name.removesuffix(".nii.gz") for p in images}
    records |= {p.stem for p in stage.glob("*_thickness.json")}  # surfaces have no image
    for name in sorted(records):
        path = stage / f"{name}.json"
        facts = read_json(path) if path.exists() else {}
        write_sidecar(_sidecar(name, facts, case, data, stripped=stripped), path)


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
    kind = "_".join(name.split("_")[-2:])
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
    if kind == "desc-lesions_dseg":
        about |= _columns(_LESION_COLUMNS)
    if kind.endswith("filled_thickness"):
        about |= _columns(_THICKNESS_COLUMNS)
    facts.pop("SpatialReference", None)
    if kind != "desc-change_thickness":
        space = next((w[6:] for w in name.split("_") if w.startswith("space-")), "orig")
        about["SpatialReference"] = space
    own = {key: _addressed(value, data) if key in _PATHS else value for key, value in facts.items()}
    return {**about, "GeneratedBy": {"Name": "brainfill", "Version": __version__}, **own}


def _addressed(value: Any, data: Dataset) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, str) and "/" in value:
        return uri(value, data)
    if isinstance(value, dict):
        return {key: _addressed(inner, data) for key, inner in value.items()}
    return value


def _columns(about: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    return {name: {"Description": text, "Units": unit} for name, (text, unit) in about.items()}


def _as_lookup(table: Path) -> None:
    """Name the columns of a lesion table as BIDS wants those of a segmentation named."""
    rows = read_table(table)
    write_table(
        [{"index": r.pop("label"), "name": f"lesion {i}", **r} for i, r in enumerate(rows, 1)],
        table,
    )


def _name_regions(image: Path) -> None:
    """Write the names of cortical regions, and what they were measured on, beside their map."""
    measured = image.with_name(image.name.replace("_dseg.nii.gz", _THICKNESS))
    if not measured.exists():
        return
    rows = [
        {"index": r["label"], "name": r["region"], "hemisphere": r["hemisphere"]}
        for r in read_table(measured)
    ]
    write_table(rows, image.with_name(image.name.replace(".nii.gz", ".tsv")))
    record = read_json(measured.with_suffix(".json"))
    kept: dict[str, Any] = {
        key: record[key] for key in ("Sources", "SourcesSHA256", "Backend") if key in record
    }
    write_sidecar(kept, image.with_name(image.name.replace(".nii.gz", ".json")))
