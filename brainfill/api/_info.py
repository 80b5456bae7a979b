"""What a report of a problem should say: versions, devices, models, programs, and what commands cost."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from brainfill import __version__

PACKAGES = (
    *("numpy", "scipy", "scikit-image", "nibabel", "nilearn", "torch", "antspyx", "HD-BET"),
    *("matplotlib", "pillow", "rich", "safetensors", "typer"),
)
_COSTS = Path(__file__).parents[1] / "costs.json"


def info() -> dict[str, Any]:
    """What is installed here and what it can do; asks no network and changes nothing.

    Returns:
        `Versions` by package; `Platform`; `Devices`, `Models` and `Programs` as `brainfill.tasks.info` gives them;
        `Costs`: the `Machine` and `Scan` on which they were measured and, for each of `Runs`, the `Command` with its
        `ProcessorSeconds`, `Seconds` and `PeakMiB`.
    """
    from brainfill.core.documents import read_json
    from brainfill.io.sidecar import versions
    from brainfill.tasks import info as task

    ours = {"brainfill": __version__, "python": platform.python_version()}
    return {
        "Versions": ours | versions(PACKAGES),
        "Platform": platform.platform(),
        "Devices": task.devices(),
        "Models": task.models(),
        "Programs": task.programs(),
        "Costs": read_json(_COSTS),
    }
