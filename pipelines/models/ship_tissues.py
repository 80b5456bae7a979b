"""Put the networks of `brainfill thickness` into the package, their cards completed with terms and measured figures.

    python pipelines/models/ship_tissues.py RUN/bundle tissues.json benchmark.tsv brainfill/bundles/tissues

The figures are those that `pipelines/benchmark/tissue_benchmark.py` printed for both bundles.
"""

from __future__ import annotations

from ship import ship

from brainfill.bundles.store import Card

SHOWN = {
    "tissues": ("fluid", "grey", "white", "seconds", "peak_mb"),
    "regions": ("regions", "labels", "above_half", "seconds", "peak_mb"),
}
PURPOSE = {
    "tissues": "Tells fluid, grey and white matter of a stripped brain apart in T1-weighted images",
    "regions": "Tells the cortical regions of a stripped brain apart, without their sides,",
}


def main() -> None:
    """Read the command line, write the bundle, check that it loads."""
    ship(__doc__.splitlines()[0], figures, about)


def figures(printed: str) -> dict[str, dict[str, float]]:
    """A row for each person, and the mean of all."""
    columns, *rows = [text.split("\t") for text in printed.splitlines() if "\t" in text]
    return {
        person: dict(zip(columns[2:], map(float, values), strict=True))
        for person, _, *values in rows
    }


def about(card: Card) -> str:
    """The README of the bundle."""
    shown = SHOWN[card.name]
    lines = [
        f"# {card.name}\n",
        f"{PURPOSE[card.name]} at {card.spacing_mm:g} mm.\n",
        f"- Terms: {card.licence}",
        f"- Trained on {card.data}",
        f"- {card.citation}",
        f"- Made by {card.made_by}; `pipelines/models/thickness_networks.sh` makes it again.\n",
        "Dice against manual labels of people the model never saw, with seconds and memory of both networks together;",
        "`pipelines/benchmark/tissue_benchmark.py` prints it, and says what is compared:\n",
        "| | " + " | ".join(shown) + " |",
        "|---|" + "---|" * len(shown),
    ]
    for name, row in card.metrics.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[key]:.4g}" for key in shown) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
