"""Names and texts of the small BIDS data set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_BIDS_VERSION = "1.10.0"
_LICENSE = (
    "Apache-2.0; made from the ICBM152 2009a template, whose terms are in data-samples/README.md"
)
_MASKS = "bids/derivatives/lesions"
_README = """\
Two computed heads with MS-like lesions on a 2 mm grid: sub-01 in RAS order, sub-02 in LIA order.
No person was scanned. Lesion masks lie in derivatives/lesions.
Made by make_samples.py in the folder above; its README has the details.
"""


def image_path(label: str) -> str:
    """Where the T1w image of a participant goes."""
    return f"bids/sub-{label}/anat/sub-{label}_T1w.nii.gz"


def mask_path(label: str) -> str:
    """Where the lesion mask of a participant goes."""
    return f"{_MASKS}/sub-{label}/anat/sub-{label}_space-T1w_label-lesion_mask.nii.gz"


def texts(people: Mapping[str, tuple[int, float]]) -> dict[str, str]:
    """Content of the text files by path.

    Args:
        people: number of lesions and their volume [ml] by participant label.
    """
    rows = [f"sub-{k}\t{count}\t{volume:.2f}" for k, (count, volume) in people.items()]
    files = {
        "bids/README": _README,
        "bids/participants.tsv": "\n".join(["participant_id\tlesion_count\tlesion_ml", *rows])
        + "\n",
        "bids/participants.json": _json(
            {
                "lesion_count": {"Description": "connected lesions in the mask"},
                "lesion_ml": {"Description": "volume of the mask", "Units": "mL"},
            }
        ),
        "bids/dataset_description.json": _description("brainfill samples: synthetic MS", "raw"),
        f"{_MASKS}/dataset_description.json": _description(
            "brainfill samples: lesion masks", "derivative", {"raw": "../.."}
        ),
    }
    for label in people:
        source = f"bids:raw:sub-{label}/anat/sub-{label}_T1w.nii.gz"
        mask = {"Type": "Lesion", "Sources": [source], "SpatialReference": source}
        image = {"Modality": "MR", "BodyPart": "HEAD", "SeriesDescription": "synthetic T1w, 2 mm"}
        files[_sidecar(image_path(label))] = _json(image)
        files[_sidecar(mask_path(label))] = _json(mask)
    return files


def _description(name: str, kind: str, links: dict[str, str] | None = None) -> str:
    content: dict[str, Any] = {
        "Name": name,
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": kind,
        "License": _LICENSE,
        "Authors": ["The brainfill developers"],
        "GeneratedBy": [{"Name": "make_samples.py", "Description": "synthetic heads and lesions"}],
    }
    return _json(content | ({"DatasetLinks": links} if links else {}))


def _sidecar(path: str) -> str:
    return path.removesuffix(".nii.gz") + ".json"


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"
