"""Put a trained bundle into the package, its card completed with terms and measured figures.

    python pipelines/models/ship.py RUN/bundle t1-fill.json benchmark.tsv brainfill/bundles/t1-fill

The figures are the means that `pipelines/benchmark/fill_benchmark.py` printed for this bundle.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brainfill.bundles.store import (
    ABOUT,
    CARD,
    WEIGHTS,
    Card,
    load_bundle,
)
from brainfill.core.config import from_dict, to_dict

KINDS = {
    "ms": "30 lesions inside white matter",
    "edge": "30 lesions across its border",
    "tumour": "one blob of 20 to 60 ml",
}
SHOWN = ("psnr_01", "mae", "ssim_brats", "seconds")


def main() -> None:
    """Read the command line, write the bundle, check that it loads."""
    ship(__doc__.splitlines()[0], means, about)


def ship(
    purpose: str, metrics_of: Callable[[str], dict[str, Any]], about_of: Callable[[Card], str]
) -> None:
    """Read the command line, write the bundle, check that it loads.

    Args:
        purpose: of the script, for its help.
        metrics_of: figures for the card from what the benchmark printed.
        about_of: the README from the finished card.
    """
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("card", type=Path, help="name, terms and defaults, .json")
    parser.add_argument("benchmark", type=Path, help="what the benchmark printed")
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    metrics = metrics_of(args.benchmark.read_text(encoding="utf-8"))
    plain = json.loads((args.bundle / CARD).read_text(encoding="utf-8"))
    plain |= json.loads(args.card.read_text(encoding="utf-8")) | {"metrics": metrics}
    card = from_dict(Card, plain)
    args.target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(args.bundle / WEIGHTS, args.target / WEIGHTS)
    text = json.dumps(to_dict(card), indent=2)
    (args.target / CARD).write_text(text + "\n", encoding="utf-8")
    (args.target / ABOUT).write_text(about_of(card), encoding="utf-8")
    load_bundle(args.target)


def means(printed: str) -> dict[str, dict[str, dict[str, float]]]:
    """Figures by kind of hole and method, from the rows after "mean over people"."""
    columns = printed.splitlines()[0].split("\t")[4:]
    table: dict[str, dict[str, dict[str, float]]] = {}
    lines = printed.partition("\nmean over people\n")[2].splitlines()
    for kind, method, *values in (line.split("\t") for line in lines if "\t" in line):
        row = dict(zip(columns, map(float, values), strict=True))
        # The bundle was not shipped yet when it was measured.
        name, _, options = method.partition(":")
        kept = [option for option in options.split(",") if option and "model=" not in option]
        title = " ".join([name, *(f"--{option}" for option in kept)])
        table.setdefault(kind, {})[title] = {key: row[key] for key in SHOWN}
    return table


def about(card: Card) -> str:
    """The README of the bundle."""
    lines = [
        f"# {card.name}\n",
        f"Fills lesions of T1-weighted brain scans at {card.spacing_mm:g} mm.\n",
        f"- Terms: {card.licence}",
        f"- Trained on {card.data}",
        f"- {card.citation}",
        f"- Made by {card.made_by}; `pipelines/models/t1_fill.sh` makes it again.\n",
        "Means over people the model never saw, one run with the methods that need no model:\n",
        "| hole | method | " + " | ".join(SHOWN) + " |",
        "|---|---|" + "---|" * len(SHOWN),
    ]
    for kind, methods in card.metrics.items():
        for method, row in methods.items():
            cells = " | ".join(f"{row[key]:.4g}" for key in SHOWN)
            lines.append(f"| {kind}: {KINDS[kind]} | {method} | {cells} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
