"""`brainfill smooth`: smooths a fill across its slices, writes the image and its record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill.api import ReadConfig, SmoothRequest, run_smooth, smooth_facts
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.cli.output import check_inputs, check_outputs
from brainfill.cli.progress import Talk, talking
from brainfill.core.config import to_dict
from brainfill.core.errors import ConfigError
from brainfill.io._bytes import output_format
from brainfill.io.atomic import all_or_none
from brainfill.io.sidecar import beside
from brainfill.tasks.smooth import SmoothConfig

EXAMPLES = examples(
    "brainfill smooth FILLED.nii.gz --mask MASK.nii.gz -o OUT.nii.gz --only-if 1.2",
    "brainfill smooth FILLED.nii.gz --mask MASK.nii.gz -o OUT.nii.gz --axis z --sigma-mm 1.2",
)


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="filled image")],
    out: OutFile,
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask",
            "-m",
            "-l",
            "--lesion-mask",
            help="filled voxels; the whole head without it",
        ),
    ] = None,
    sigma_vox: Annotated[float, flag(SmoothConfig, "sigma_vox")] = default(
        SmoothConfig, "sigma_vox"
    ),
    sigma_mm: Annotated[str, flag(SmoothConfig, "sigma_mm", metavar="S[,S,S]")] = "",
    axis: Annotated[Literal["auto", "x", "y", "z", "all"], flag(SmoothConfig, "axis")] = default(
        SmoothConfig, "axis"
    ),
    only_if: Annotated[float | None, flag(SmoothConfig, "only_if", metavar="BOUND")] = default(
        SmoothConfig, "only_if"
    ),
    label: Annotated[int | None, flag(ReadConfig, "label")] = default(ReadConfig, "label"),
    nan_to_zero: Annotated[bool, flag(ReadConfig, "nan_to_zero")] = default(
        ReadConfig, "nan_to_zero"
    ),
    assume_same_grid: Annotated[bool, flag(ReadConfig, "assume_same_grid")] = default(
        ReadConfig, "assume_same_grid"
    ),
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Smooth the stripes that filling slice by slice leaves, inside the mask only.

    A Gaussian runs across the slices; every other voxel stays as it is, and counts in the means at the rim. The
    stripe index (1: no stripes) of the three axes before and after is shown, and recorded in OUT.json.
    """
    config = SmoothConfig(
        axis=axis, sigma_vox=sigma_vox, sigma_mm=_numbers(sigma_mm), only_if=only_if
    )
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    request = SmoothRequest(image, mask, config, read)
    inputs = [image, *([mask] if mask else [])]
    output_format(out)
    check_inputs(inputs)
    check_outputs([out, beside(out, ".json")], inputs, force=force)
    if dry_run:
        typer.echo(json.dumps(_resolved(inputs, out, request), indent=2))
        return
    with talking(quiet=quiet, verbose=verbose) as talk:
        facts = _smooth(request, out, talk)
    if not quiet:
        typer.echo(index_table(facts["StripeIndex"]), err=True)
        typer.echo(_sentence(facts), err=True)
    typer.echo(json.dumps({"Output": str(out), **facts}, indent=2) if as_json else str(out))


def index_table(index: Mapping[str, Mapping[str, float | None]]) -> str:
    """The stripe index before and after, in columns.

    >>> print(index_table({"Before": {"x": 0.9, "z": 1.84}, "After": {"x": None, "z": 1.02}}))
    stripe index      x      z
    before         0.90   1.84
    after           n/a   1.02
    """
    lines = [f"{'stripe index':<12}" + "".join(f"{axis:>7}" for axis in index["Before"])]
    for when, values in index.items():
        shown = ("n/a" if v is None else f"{v:.2f}" for v in values.values())
        lines.append(f"{when.lower():<12}" + "".join(f"{text:>7}" for text in shown))
    return "\n".join(lines)


def _sentence(facts: Mapping[str, Any]) -> str:
    axes = ", ".join(facts["Axis"])
    if not facts["Smoothed"]:
        return f"not smoothed: no stripe index on {axes} above --only-if"
    widths = ", ".join(f"{facts['SigmaMM'][a]:.4g}" for a in facts["Axis"])
    return f"smoothed along {axes}, sigma {widths} mm; {facts['VoxelsChanged']} voxels changed"


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        msg = f"--sigma-mm must be one number or three with commas between them, got '{text}'"
        raise ConfigError(msg, "for example --sigma-mm 1.2, or --sigma-mm 1,1,3") from None


def _resolved(inputs: list[Path], out: Path, request: SmoothRequest) -> dict[str, Any]:
    return {
        "inputs": [str(p) for p in inputs],
        "outputs": [str(out), str(beside(out, ".json"))],
        "options": to_dict(request.config) | to_dict(request.read),
    }


def _smooth(request: SmoothRequest, out: Path, talk: Talk) -> dict[str, Any]:
    """Smooth and write both files, or leave no new ones behind; the facts of the record."""
    from brainfill.io.nifti import write_filled
    from brainfill.io.sidecar import write_sidecar

    began = time.monotonic()
    done = run_smooth(request, talk.progress, talk.warn)
    talk.progress("writing", 0, 1)
    original, volumes = done.scan.images["T1w"], done.result.volumes
    with all_or_none([out, beside(out, ".json")]):
        written = write_filled(original, volumes["smoothed"].data, volumes["where"].data, out)
        facts = smooth_facts(done, written)
        facts |= {"RuntimeSeconds": round(time.monotonic() - began, 2)}
        write_sidecar(facts, beside(out, ".json"))
    talk.progress("writing", 1, 1)
    return facts
