"""Put a trained painter of lesions into the package, its card completed with terms and measured figures.

    python pipelines/models/ship_painter.py RUN/bundle lesion-paint.json benchmark.tsv brainfill/bundles/lesion-paint

The figures are those that `pipelines/benchmark/synthesis_benchmark.py` printed for the ways that use this bundle.
"""

from __future__ import annotations

from ship import ship

from brainfill.bundles.store import Card

SHOWN = ("ssim", "psnr", "mse", "texture", "contrast_ratio", "seconds")


def main() -> None:
    """Read the command line, write the bundle, check that it loads."""
    ship(__doc__.splitlines()[0], figures, about)


def figures(printed: str) -> dict[str, dict[str, float]]:
    """A row for each way and contrast of the table."""
    columns, *rows = [text.split("\t") for text in printed.splitlines()]
    table = {}
    for row in rows:
        if len(row) == len(columns):
            named = dict(zip(columns, row, strict=True))
            title = f"{named['way']}, {named['contrast']}"
            table[title] = {key: float(named[key]) for key in SHOWN}
    return table


def about(card: Card) -> str:
    """The README of the bundle."""
    does = (
        "Paints multiple sclerosis lesions into holes of T1w and FLAIR, either or both"
        if card.config["conditional"]
        else "Redraws T1w and FLAIR of patients with multiple sclerosis, either or both, with rough lesions"
    )
    lines = [
        f"# {card.name}\n",
        f"{does}, at {card.spacing_mm:g} mm, in stripped brains.\n",
        f"- Terms: {card.licence}",
        f"- Trained on {card.data}",
        f"- {card.citation}",
        f"- Made by {card.made_by}; `pipelines/models/lesion_painters.sh` makes it again.",
        "- It has seen the lesions of one patient. It cannot know how lesions of other diseases, other scanners or",
        "  with contrast agent look, and what it paints is no evidence of anything. Research only; not a medical device.\n",
        "One patient it never saw, real lesions voided and painted again; `pipelines/benchmark/synthesis_benchmark.py`",
        "prints and explains it:\n",
        "| | " + " | ".join(SHOWN) + " |",
        "|---|" + "---|" * len(SHOWN),
    ]
    for name, row in card.metrics.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[key]:.4g}" for key in SHOWN) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
