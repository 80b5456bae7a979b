"""A fill of the phantom with all that a page may show, for the tests of pages."""

import numpy as np

from brainfill.core.volume import Mask, Scan, Volume
from brainfill.lesions.components import dilate, label_lesions, lesion_table
from brainfill.tasks._base import Result

FILL_FACTS = {
    "GeneratedBy": {"Name": "brainfill", "Version": "0.1.0"},
    "BrainfillArguments": {"dilate": 1.0, "feather": True, "aggregate": "mean", "space": "native"},
    "Method": "diffusion",
    "Model": {"name": "t1-fill", "sha256": "b6df9744cfb7" + 52 * "0"},
    "Sampler": "ddim",
    "Steps": 1,
    "Samples": 4,
    "LesionCount": 1,
    "LesionVolumeML": 0.18,
    "VoxelsChanged": 1234,
    "MaxAbsDifferenceOutsideMask": 0.0,
    "StripeIndex": {
        "Before": {"x": 1.02, "y": 0.98, "z": None},
        "After": {"x": 1.21, "y": 0.97, "z": None},
    },
    "LargestStripeIndex": 1.21,
    "BorderStepPct": 2.5,
    "Warnings": [],
    "Versions": {"numpy": "2.0"},
}


def filled(scan, *, sd=False, name="sub-01"):
    """A scan and what a task would give: its lesions painted in the value of the tissue around."""
    image, lesion = scan.images["T1w"], scan.lesion
    hole = Mask(dilate(lesion, 1.0, image.data > 0), image.grid)
    level = float(np.median(image.data[hole.data & ~lesion.data]))
    after = image.like(np.where(hole.data, level, image.data))
    labels = label_lesions(lesion)
    volumes = {"filled": after, "hole": hole, "labels": labels}
    if sd:
        volumes["sd"] = Volume(np.where(hole.data, 20.0, 0), image.grid)
    table = lesion_table(labels, image, after)
    whole = Scan(name, {"T1w": image}, lesion, scan.brain)
    return whole, Result(volumes, {"lesions": table}, FILL_FACTS)
