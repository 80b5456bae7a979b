"""`brainfill fill`: reads a scan and its mask, has it filled, writes the result and its record."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill.api import (
    Done,
    ReadConfig,
    Request,
    fill_facts,
    fill_report_part,
    page,
    run_fill,
)
from brainfill.cli import values
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, Quiet, Report, Verbose, default, flag
from brainfill.cli.output import (
    check_inputs,
    check_outputs,
    command_line,
    runtime,
    write_page,
)
from brainfill.cli.progress import Talk, talking
from brainfill.core.atomic import all_or_none
from brainfill.core.config import to_dict
from brainfill.core.errors import ConfigError
from brainfill.io._bytes import output_format
from brainfill.io.sidecar import beside, stem
from brainfill.tasks._device import RunConfig
from brainfill.tasks.fill import FillConfig, filler_config

# A value and its origin, spread over four lines by json; one line reads better.
_VALUE = r'\{\s+("value": .*),\s+("origin": .*)\s+\}'

EXAMPLES = examples(
    "brainfill fill T1.nii.gz MASK.nii.gz",
    "brainfill fill -i T1.nii.gz -l MASK.nii.gz -o OUT.nii.gz --report",
    "brainfill fill T1.nii.gz MASK.nii.gz --samples 8 --sd SD.nii.gz",
    "brainfill fill T1.nii.gz MASK.nii.gz --method localmean --dry-run",
)


def command(
    ctx: typer.Context,
    t1: Annotated[Path | None, typer.Argument(metavar="T1", help="T1-weighted image")] = None,
    mask: Annotated[Path | None, typer.Argument(metavar="MASK", help="lesion mask")] = None,
    input_: Annotated[
        list[Path] | None,
        typer.Option("-i", "--input", metavar="T1", help="T1, if not given by position"),
    ] = None,
    lesion: Annotated[
        list[Path] | None,
        typer.Option(
            "-l",
            "-m",
            "--mask",
            "--lesion-mask",
            metavar="MASK",
            help="MASK, if not given by position",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="filled image; T1_filled.nii.gz without it")
    ] = None,
    method: Annotated[str, flag(FillConfig, "method", values=values.FILLERS)] = default(
        FillConfig, "method"
    ),
    model: Annotated[str, flag(FillConfig, "model", values=values.models)] = default(
        FillConfig, "model"
    ),
    quality: Annotated[Literal["fast", "balanced", "best"], flag(FillConfig, "quality")] = default(
        FillConfig, "quality"
    ),
    dilate: Annotated[float, flag(FillConfig, "dilate")] = default(FillConfig, "dilate"),
    feather: Annotated[bool, flag(FillConfig, "feather")] = default(FillConfig, "feather"),
    samples: Annotated[int, flag(FillConfig, "samples")] = default(FillConfig, "samples"),
    aggregate: Annotated[
        Literal["mean", "median", "first"], flag(FillConfig, "aggregate")
    ] = default(FillConfig, "aggregate"),
    space: Annotated[Literal["native", "mni"], flag(FillConfig, "space")] = default(
        FillConfig, "space"
    ),
    sd: Annotated[
        Path | None, typer.Option("--sd", help="write the standard deviation of the samples here")
    ] = None,
    sampler: Annotated[str, flag(FillConfig, "sampler", values=values.SAMPLERS)] = default(
        FillConfig, "sampler"
    ),
    steps: Annotated[int, flag(FillConfig, "steps")] = default(FillConfig, "steps"),
    set_: Annotated[
        list[str], flag(FillConfig, "settings", "--set", metavar="KEY=VALUE")
    ] = default(FillConfig, "settings"),
    hole: Annotated[
        Path | None,
        typer.Option("--hole", help="write the mask of the voxels that were filled here"),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="write numbered lesions here, with a .tsv")
    ] = None,
    label: Annotated[int | None, flag(ReadConfig, "label")] = default(ReadConfig, "label"),
    nan_to_zero: Annotated[bool, flag(ReadConfig, "nan_to_zero")] = default(
        ReadConfig, "nan_to_zero"
    ),
    assume_same_grid: Annotated[bool, flag(ReadConfig, "assume_same_grid")] = default(
        ReadConfig, "assume_same_grid"
    ),
    seed: Annotated[int, flag(RunConfig, "seed")] = default(RunConfig, "seed"),
    device: Annotated[str, flag(RunConfig, "device", values=values.DEVICES)] = default(
        RunConfig, "device"
    ),
    threads: Annotated[int, flag(RunConfig, "threads")] = default(RunConfig, "threads"),
    deterministic: Annotated[bool, flag(RunConfig, "deterministic")] = default(
        RunConfig, "deterministic"
    ),
    report: Report = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Replace the lesions of a T1-weighted image; every other voxel stays as it is.

    brainfill fill T1 MASK, or in the style of FSL: brainfill fill -i T1 -l MASK -o OUT.
    Images are .nii, .nii.gz or .mgz. A .json file beside the output records how it was made.
    """
    paths = pick_inputs([p for p in (t1, mask) if p], input_ or [], lesion or [])
    outputs = planned_outputs(paths[0], out, sd, hole, labels, report=report)
    config = FillConfig(
        method=method,
        model=model,
        quality=quality,
        dilate=dilate,
        feather=feather,
        samples=samples,
        aggregate=aggregate,
        space=space,
        # The page shows it; written is it only when asked for.
        sd=sd is not None or (report and samples > 1),
        sampler=sampler,
        steps=steps,
        settings=tuple(set_),
    )
    run = RunConfig(seed=seed, device=device, threads=threads, deterministic=deterministic)
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    request = Request(*paths, config, run, read)
    filler_config(config)
    check_inputs(paths)
    check_outputs(list(outputs.values()), paths, force=force)
    if dry_run:
        plan = json.dumps(resolved(request, outputs, ctx), indent=2)
        typer.echo(re.sub(_VALUE, r"{\1, \2}", plan))
        return
    with talking(quiet=quiet, verbose=verbose) as talk:
        facts = filled(request, outputs, talk)
    summary = {"Outputs": {name: str(path) for name, path in outputs.items()}, **facts}
    typer.echo(json.dumps(summary, indent=2) if as_json else str(outputs["image"]))


def pick_inputs(
    positions: Sequence[Path], t1: Sequence[Path], mask: Sequence[Path]
) -> tuple[Path, Path]:
    """T1 and mask from positions and options; what an option gives, no position is needed for.

    Raises:
        ConfigError: one of them is missing or given more than once.
    """
    rest = list(positions)
    found = []
    for name, written, given in (("T1", "-i", t1), ("mask", "-l", mask)):
        every = list(given) or rest[:1]
        rest = rest if given else rest[1:]
        if len(every) != 1:
            what = " and ".join(f"'{p}'" for p in every) or "none"
            msg = f"expected one {name}, found {what}"
            raise ConfigError(msg, f"brainfill fill T1 MASK, or {written} once")
        found += every
    if rest:
        msg = f"more inputs than expected: '{rest[0]}' is given beside {found[0]} and {found[1]}"
        raise ConfigError(msg, "give T1 and mask either by position or by option")
    return found[0], found[1]


def planned_outputs(
    t1: Path,
    out: Path | None,
    sd: Path | None,
    hole: Path | None,
    labels: Path | None,
    *,
    report: bool = False,
) -> dict[str, Path]:
    """All files the command will write, by what they are.

    Raises:
        ConfigError: a name does not end as an image does.
    """
    images = {"image": out or t1.with_name(f"{stem(t1)}_filled.nii.gz")}
    images |= {"sd": sd} if sd else {}
    images |= {"hole": hole} if hole else {}
    images |= {"labels": labels} if labels else {}
    for path in images.values():
        output_format(path)
    planned = images | {"sidecar": beside(images["image"], ".json")}
    planned |= {"report": beside(images["image"], ".html")} if report else {}
    return planned | ({"lesions": beside(labels, ".tsv")} if labels else {})


def resolved(request: Request, outputs: dict[str, Path], ctx: typer.Context) -> dict[str, Any]:
    """What a run would do: every option and setting with its value and where that came from."""
    options = to_dict(request.run) | to_dict(request.read) | to_dict(request.config)
    given = [s.partition("=")[0].strip().partition(".")[0] for s in options.pop("settings")]

    def origin(name: str) -> str:
        source = ctx.get_parameter_source(name)
        return "flag" if source is not None and source.name == "COMMANDLINE" else "default"

    return {
        "inputs": {"T1": str(request.t1), "mask": str(request.mask)},
        "outputs": {name: str(path) for name, path in outputs.items()},
        "options": {n: {"value": v, "origin": origin(n)} for n, v in options.items()},
        "settings": {
            n: {"value": v, "origin": "set" if n in given else "default"}
            for n, v in to_dict(filler_config(request.config)).items()
            if n not in options
        },
    }


def filled(request: Request, outputs: dict[str, Path], talk: Talk) -> dict[str, Any]:
    """Fill and write; the record.

    Raises:
        DataError, UnavailableError, ...: as `run_fill`.
    """
    began = time.monotonic()
    done = run_fill(request, talk.progress, talk.warn)
    talk.progress("writing", 0, 1)
    facts = _write(done, outputs, began)
    talk.progress("writing", 1, 1)
    talk.detail(
        f"filled {facts['LesionCount']} lesions, {facts['LesionVolumeML']:.2f} ml, on "
        f"{facts['Device']}; {facts['VoxelsChanged']} voxels changed; {time.monotonic() - began:.2f} s"
    )
    return facts


def _write(done: Done, outputs: dict[str, Path], began: float) -> dict[str, Any]:
    """Write all outputs, or leave no new ones behind; the facts that went into the sidecar."""
    from brainfill.io.nifti import write_filled, write_map
    from brainfill.io.sidecar import write_sidecar
    from brainfill.io.tables import write_table

    original, volumes = done.scan.images["T1w"], done.result.volumes
    with all_or_none(outputs.values()):
        written = write_filled(
            original, volumes["filled"].data, volumes["hole"].data, outputs["image"]
        )
        for name in ("sd", "hole", "labels"):
            if name in outputs:
                write_map(original, volumes[name].data, outputs[name])
        if "lesions" in outputs:
            write_table(done.result.tables["lesions"], outputs["lesions"])
        facts = fill_facts(done, written) | runtime(began, done.request.run)
        write_sidecar(facts, outputs["sidecar"])
        if "report" in outputs:
            part = fill_report_part(done, facts)
            write_page(page(done.scan.subject, [part], command_line()), outputs["report"])
    return facts
