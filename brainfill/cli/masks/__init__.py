"""`brainfill masks`: draws lesion masks; one file per kind."""

from __future__ import annotations

import typer

from brainfill.cli.masks import box, circles, components, ellipsoids, healthy, place, transfer

app = typer.Typer(no_args_is_help=True, help="Draw lesion masks where you want them.")
app.command("circles")(circles.command)
app.command("ellipsoids")(ellipsoids.command)
app.command("box")(box.command)
app.command("components")(components.command)
app.command("healthy")(healthy.command)
app.command("place")(place.command)
app.command("transfer")(transfer.command)


@app.callback()
def group() -> None:
    """Draw lesion masks where you want them.

    Each kind writes the mask on the grid of the scan, a .json that records what was drawn, and a .tsv with one row
    per lesion. The same inputs and the same seed give the same files.
    """
