"""`brainfill evaluate`: compares results with the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from brainfill.api._common import ReadConfig
from brainfill.cli.commands import App
from brainfill.cli.examples import examples
from brainfill.cli.options import Json, default, flag
from brainfill.core.errors import GeometryError
from brainfill.tasks import evaluate

_FILL = examples(
    "brainfill evaluate fill FILLED.nii.gz TRUE.nii.gz MASK.nii.gz",
    "brainfill evaluate fill FILLED.nii.gz TRUE.nii.gz MASK.nii.gz --json",
)

app = App(no_args_is_help=True, help="Compare results with the truth.", epilog=_FILL)


@app.callback()
def group() -> None:
    """Compare results with the truth."""


@app.command("fill", epilog=_FILL)
def fill(
    prediction: Annotated[Path, typer.Argument(metavar="PRED", help="filled image")],
    reference: Annotated[Path, typer.Argument(metavar="REF", help="true image")],
    mask: Annotated[Path, typer.Argument(metavar="MASK", help="voxels to compare")],
    voided: Annotated[
        Path | None,
        typer.Option("--voided", help="image with its holes at 0, as in BraTS; REF without it"),
    ] = None,
    label: Annotated[int | None, flag(ReadConfig, "label")] = default(ReadConfig, "label"),
    nan_to_zero: Annotated[bool, flag(ReadConfig, "nan_to_zero")] = default(
        ReadConfig, "nan_to_zero"
    ),
    assume_same_grid: Annotated[bool, flag(ReadConfig, "assume_same_grid")] = default(
        ReadConfig, "assume_same_grid"
    ),
    as_json: Json = False,
) -> None:
    """Compare a filled image with the true one inside a mask."""
    from brainfill.core.volume import Scan
    from brainfill.io.nifti import read_mask, read_volume
    from brainfill.preprocess.match import match_mask, same_grid

    paths = {"prediction": prediction, "reference": reference}
    paths |= {"voided": voided} if voided else {}
    images = {
        name: read_volume(path, nan_to_zero=nan_to_zero, warn=_warn) for name, path in paths.items()
    }
    grid = images["reference"].grid
    for name, path in paths.items():
        same_grid(images[name].grid, grid, f"'{path}'", _warn)
    found = read_mask(mask, label=label, nan_to_zero=nan_to_zero, warn=_warn)
    try:
        lesion = match_mask(
            found, images["reference"], assume_same_grid=assume_same_grid, warn=_warn
        )
    except GeometryError as error:
        msg = f"mask '{mask}' and image '{reference}' do not fit: {error}"
        raise GeometryError(msg, error.hint) from error
    result = evaluate.run(Scan(str(prediction), images, lesion=lesion))
    typer.echo(json.dumps(dict(result.facts), indent=2) if as_json else _aligned(result.facts))


def _aligned(figures: Mapping[str, float | None]) -> str:
    width = max(map(len, figures))
    shown = {n: "n/a" if v is None else f"{v:.5g}" for n, v in figures.items()}
    return "\n".join(f"{name:<{width}}  {value:>10}" for name, value in shown.items())


def _warn(message: str) -> None:
    typer.echo(f"warning: {message}", err=True)
