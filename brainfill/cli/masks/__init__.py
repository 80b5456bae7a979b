"""`brainfill masks`: draws lesion masks; one file per kind."""

from __future__ import annotations

from brainfill.cli.commands import App
from brainfill.cli.examples import examples
from brainfill.cli.masks import box, circles, components, ellipsoids, healthy, place, transfer

app = App(
    no_args_is_help=True,
    help="Draw lesion masks where you want them.",
    epilog=examples(
        "brainfill masks ellipsoids T1.nii.gz -o OUT.nii.gz --n 5",
        "brainfill masks place T1.nii.gz -o OUT.nii.gz --n 10 --seed 1",
    ),
)
app.command("circles", epilog=circles.EXAMPLES)(circles.command)
app.command("ellipsoids", epilog=ellipsoids.EXAMPLES)(ellipsoids.command)
app.command("box", epilog=box.EXAMPLES)(box.command)
app.command("components", epilog=components.EXAMPLES)(components.command)
app.command("healthy", epilog=healthy.EXAMPLES)(healthy.command)
app.command("place", epilog=place.EXAMPLES)(place.command)
app.command("transfer", epilog=transfer.EXAMPLES)(transfer.command)


@app.callback()
def group() -> None:
    """Draw lesion masks where you want them.

    Each kind writes the mask on the grid of the scan, a .json that records what was drawn, and a .tsv with one row
    per lesion. The same inputs and the same seed give the same files.
    """
