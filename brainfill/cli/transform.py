"""`brainfill transform`: carries an image through transforms to the grid of another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill.api import TransformConfig, TransformRequest, run_transform
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, OutFile, Quiet, Verbose, default, flag
from brainfill.cli.output import check_inputs, check_outputs
from brainfill.cli.progress import talking
from brainfill.core.config import to_dict
from brainfill.io._bytes import output_format
from brainfill.io.atomic import all_or_none
from brainfill.io.sidecar import beside
from brainfill.tasks._device import RunConfig

EXAMPLES = examples(
    "brainfill transform T1.nii.gz --like TEMPLATE.nii.gz --transform FROM_T1.txt -o OUT.nii.gz",
    "brainfill transform LABELS.nii.gz --like T1.nii.gz --transform FROM_T1.txt --inverse -o OUT.nii.gz",
)


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="image, mask or label map")],
    like: Annotated[Path, typer.Option("--like", help="image whose grid is taken")],
    transforms: Annotated[
        list[Path],
        typer.Option(
            "--transform",
            "-t",
            metavar="XFM",
            help="ITK transform; repeatable, in the order of antsApplyTransforms: the last is applied first",
        ),
    ],
    out: OutFile,
    inverse: Annotated[bool, flag(TransformConfig, "inverse")] = default(
        TransformConfig, "inverse"
    ),
    interp: Annotated[
        Literal["auto", "nearest", "linear", "bspline", "distance"],
        flag(TransformConfig, "interp"),
    ] = default(TransformConfig, "interp"),
    threads: Annotated[int, flag(RunConfig, "threads")] = default(RunConfig, "threads"),
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Carry an image through ITK transforms to the grid of another, either way.

    Masks and label maps are carried by nearest neighbour unless --interp says otherwise: whole numbers whose name
    ends in _mask, _dseg, _roi, _label(s) or _seg, or that are at most 20 different ones.
    """
    request = TransformRequest(
        image, like, transforms, TransformConfig(inverse=inverse, interp=interp), threads
    )
    outputs = [out, beside(out, ".json")]
    output_format(out)
    check_inputs([image, like, *transforms])
    check_outputs(outputs, [image, like, *transforms], force=force)
    if dry_run:
        typer.echo(json.dumps(_resolved(request, out), indent=2))
        return
    with talking(quiet=quiet, verbose=verbose) as talk:
        found, facts = run_transform(request, talk.progress, talk.warn)
        _write(found, facts, outputs)
    typer.echo(json.dumps({"Output": str(out), **facts}, indent=2) if as_json else str(out))


def _resolved(request: TransformRequest, out: Path) -> dict[str, Any]:
    return {
        "inputs": {"image": str(request.image), "like": str(request.like)},
        "transforms": [str(path) for path in request.transforms],
        "output": str(out),
        "options": to_dict(request.config),
    }


def _write(found: Any, facts: dict[str, Any], outputs: list[Path]) -> None:  # noqa: ANN401 - any volume
    from brainfill.core.volume import Volume
    from brainfill.io.nifti import write_map
    from brainfill.io.sidecar import write_sidecar

    with all_or_none(outputs):
        write_map(Volume(found.data, found.grid), found.data, outputs[0])
        write_sidecar(facts, outputs[1])
