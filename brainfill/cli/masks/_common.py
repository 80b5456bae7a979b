"""What the kinds of masks share on the command line: their options, their outputs, how they are written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brainfill.api import MaskRequest, ReadConfig, run_masks
from brainfill.cli.options import flag
from brainfill.cli.output import check_inputs, check_outputs
from brainfill.cli.progress import talking
from brainfill.core.config import to_dict
from brainfill.io._bytes import output_format
from brainfill.io.atomic import all_or_none
from brainfill.io.sidecar import beside

if TYPE_CHECKING:
    from brainfill.core.volume import Scan
    from brainfill.tasks._base import Result

ImageArgument = Annotated[
    Path, typer.Argument(metavar="IMAGE", help="scan, whose grid the mask gets")
]
Brain = Annotated[
    Path | None,
    typer.Option(
        "--brain",
        help="brain mask; without it a stripped scan is its own, and in a head it is found",
    ),
]
NanToZero = Annotated[bool, flag(ReadConfig, "nan_to_zero")]
Tissue = Annotated[
    Path | None, typer.Option("--tissue", help="tissue labels, or a mask, of the scan")
]
Tissues = Annotated[
    Path | None,
    typer.Option(
        "--tissues",
        help="1 fluid, 2 grey matter, 3 white matter of the scan; without it they are told apart by brightness",
    ),
]


@dataclass(frozen=True)
class Manner:
    """How a command is to behave."""

    force: bool
    dry_run: bool
    as_json: bool
    quiet: bool
    verbose: bool


def write_mask(request: MaskRequest, out: Path, manner: Manner, others: Sequence[str] = ()) -> None:
    """Check the files, draw, write all outputs or none, and say where the mask is.

    Args:
        request: what to draw.
        out: the mask; a .json, a .tsv and images with the names of `others` come beside it.
        manner: how to behave.
        others: names of the further images of the kind.

    Raises:
        ConfigError, InputMissingError, DataError: as `draw_mask`, or an output cannot be written.
    """
    outputs = planned_outputs(out, others)
    inputs = [Path(str(i)) for i in (*request.inputs, *request.pool)]
    check_inputs(inputs)
    check_outputs(list(outputs.values()), inputs, force=manner.force)
    if manner.dry_run:
        typer.echo(json.dumps(_resolved(request, outputs), indent=2))
        return
    with talking(quiet=manner.quiet, verbose=manner.verbose) as talk:
        scan, result, facts = run_masks(request, talk.progress, talk.warn)
        facts["Outputs"] = {name: path.name for name, path in outputs.items()}
        _write(scan, result, facts, outputs)
        talk.detail(f"drew {facts['LesionCount']} lesions, {facts['LesionVolumeML']:.2f} ml")
    typer.echo(json.dumps({"Output": str(out), **facts}, indent=2) if manner.as_json else str(out))


def planned_outputs(out: Path, others: Sequence[str] = ()) -> dict[str, Path]:
    """All files a command will write, by what they are.

    Raises:
        ConfigError: the name does not end as an image does.
    """
    output_format(out)
    planned = {"mask": out}
    suffix = out.name[len(beside(out, "").name) :]
    planned |= {name: beside(out, f"_{name}{suffix}") for name in others}
    return planned | {"sidecar": beside(out, ".json"), "table": beside(out, ".tsv")}


def _write(
    scan: Scan, result: Result, facts: Mapping[str, Any], outputs: Mapping[str, Path]
) -> None:
    from brainfill.core.volume import Volume
    from brainfill.io.nifti import write_filled, write_map
    from brainfill.io.sidecar import write_sidecar
    from brainfill.io.tables import write_table

    image = scan.images["T1w"]
    with all_or_none(outputs.values()):
        for name, volume in result.volumes.items():
            if isinstance(volume, Volume):  # the scan itself, changed in places
                changed = volume.data != image.data
                write_filled(image, volume.data, changed, outputs[name])
            else:
                write_map(image, volume.data, outputs[name])
        write_table(result.tables["components"], outputs["table"])
        write_sidecar(facts, outputs["sidecar"])


def _resolved(request: MaskRequest, outputs: Mapping[str, Path]) -> dict[str, Any]:
    named = {name: getattr(request, name) for name in ("image", "mask", "brain", "tissue")}
    return {
        "kind": request.kind,
        "inputs": {name: str(path) for name, path in named.items() if path is not None},
        "pool": [str(path) for path in request.pool],
        **_of_patient(request),
        "outputs": {name: str(path) for name, path in outputs.items()},
        "options": to_dict(request.config),
    }


def _of_patient(request: MaskRequest) -> dict[str, Any]:
    if request.patient is None:
        return {}
    named = dataclasses.asdict(request.patient)
    return {"patient": {name: str(path) for name, path in named.items() if path is not None}}
