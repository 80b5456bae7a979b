"""Put a trained skull stripper into the package, its card completed with terms and measured figures.

    python pipelines/models/ship_stripper.py RUN/bundle brain-mask.json benchmark.tsv brainfill/bundles/brain-mask

The figures are those that `pipelines/benchmark/strip_benchmark.py` printed for this bundle.
"""

from __future__ import annotations

from ship import ship

from brainfill.bundles.store import Card

SUMMARY = ("mean", "lowest", "highest")
SHOWN = ("dice", "d95_mm", "seconds", "peak_mb")


def main() -> None:
    """Read the command line, write the bundle, check that it loads."""
    ship(__doc__.splitlines()[0], figures, about)


def figures(printed: str) -> dict[str, dict[str, float]]:
    """The last rows of the table: mean, lowest and highest over people, and further heads."""
    columns, *rows = [text.split("\t") for text in printed.splitlines() if "\t" in text]
    first = next(i for i, row in enumerate(rows) if row[0] == SUMMARY[0])
    table = {}
    for name, *values in rows[first:]:
        row = dict(zip(columns[1:], map(float, values), strict=True))
        table[name] = {key: row[key] for key in SHOWN}
    return table


def about(card: Card) -> str:
    """The README of the bundle."""
    lines = [
        f"# {card.name}\n",
        f"Finds the brain in heads of any contrast and orientation, at {card.spacing_mm:g} mm.\n",
        f"- Terms: {card.licence}",
        f"- Trained on {card.data}",
        f"- {card.citation}",
        f"- Made by {card.made_by}; `pipelines/models/brain_mask.sh` makes it again.\n",
        "Against known brains the model never saw; `pipelines/benchmark/strip_benchmark.py` prints",
        "all of it, and says what counts as brain:\n",
        "| | " + " | ".join(SHOWN) + " |",
        "|---|" + "---|" * len(SHOWN),
    ]
    for name, row in card.metrics.items():
        title = f"{name} of 20 people of IXI" if name in SUMMARY else name
        lines.append(f"| {title} | " + " | ".join(f"{row[key]:.4g}" for key in SHOWN) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
