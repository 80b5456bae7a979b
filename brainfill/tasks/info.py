"""What there is on this machine: devices, models, and programs of other packages."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from brainfill.bundles import store
from brainfill.core import registry
from brainfill.core.context import cores
from brainfill.core.errors import BrainfillError

# Registries whose plug-ins may need something of others, and the option that chooses one.
_CHOSEN_BY = {
    "brainfill.fillers": "fill --method",
    "brainfill.preprocess.strippers": "preprocess --skullstrip",
    "brainfill.preprocess.tissues": "thickness --segmenter",
    "brainfill.thickness.backends": "thickness --backend",
}
_GIB = 2**30


def devices() -> list[dict[str, Any]]:
    """Where a network can run here, the CPU first; loads torch.

    Returns:
        for each its `Name` as --device takes it; of the CPU the `Threads` this process may use, of graphics cards
        the `Hardware`; `MemoryGiB` where it is known.
    """
    import torch

    found: list[dict[str, Any]] = [{"Name": "cpu", "Threads": cores()} | _memory()]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        card = torch.cuda.get_device_properties(index)
        memory_gib = round(card.total_memory / _GIB, 1)
        found.append({"Name": f"cuda:{index}", "Hardware": card.name, "MemoryGiB": memory_gib})
    if torch.backends.mps.is_available():
        found.append({"Name": "mps", "Hardware": "Apple GPU, shares the memory of the CPU"})
    return found


def models() -> list[dict[str, Any]]:
    """The shipped models, with their size and whether their weights are those that their card names.

    Returns:
        for each `Name`, `Folder` and either `Problem` or `Version`, `Does`, `SizeMB` (10^6 bytes), `SHA256`,
        `Verified` and `Licence`.
    """
    return [_model(name) for name in store.names()]


def programs() -> list[dict[str, Any]]:
    """Everything that a choice of --method, --skullstrip, --segmenter or --backend may need.

    Returns:
        for each `Choice` (the option with its value), `Ready`, `Where` (path of the program; empty for what comes
        along or is not there) and `Lacks`, what must be installed first.
    """
    return [
        found
        for package, option in _CHOSEN_BY.items()
        for name in registry.names(package)
        if (found := _program(package, name, f"{option} {name.replace('_', '-')}"))
    ]


def _model(name: str) -> dict[str, Any]:
    folder = store.find(name)
    about = {"Name": name, "Folder": str(folder)}
    weights = folder / store.WEIGHTS
    try:
        card = store.read_card(folder)
        size, digest = weights.stat().st_size, store.sha256(weights)
    except (BrainfillError, OSError) as error:
        return about | {"Problem": str(error)}
    return about | {
        "Version": card.version,
        "Does": store.what_it_does(card),
        "SizeMB": round(size / 1e6, 1),
        "SHA256": digest,
        "Verified": digest == card.weights_sha256,
        "Licence": card.licence,
    }


def _program(package: str, name: str, choice: str) -> dict[str, Any] | None:
    """What is known of a plug-in; None for those that never need anything."""
    plugin = registry.load(package, name)
    if not hasattr(plugin, "missing"):
        return None
    config = plugin.Config()
    lacks: str = plugin.missing(config)
    where = "" if lacks else _where(plugin, config)
    return {"Choice": choice, "Ready": not lacks, "Where": where, "Lacks": lacks}


def _where(plugin: Any, config: Any) -> str:  # noqa: ANN401 - any plug-in and its Config
    if hasattr(plugin, "weights_folder"):
        return str(plugin.weights_folder(config))
    if hasattr(config, "python"):  # a package, of the Python that runs this unless another is set
        return config.python or sys.executable
    return shutil.which(getattr(config, "program", "")) or ""


def _memory() -> dict[str, float]:
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
        return {}
    return {"MemoryGiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB, 1)}
