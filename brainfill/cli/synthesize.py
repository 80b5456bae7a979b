"""`brainfill synthesize`: reads a scan and a mask, has lesions painted there, writes images, label and record."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill.api import (
    ReadConfig,
    SynthesizeDone,
    SynthesizeRequest,
    run_synthesize,
    synthesize_facts,
)
from brainfill.cli import values
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, Quiet, Verbose, default, flag
from brainfill.cli.output import check_inputs, check_outputs, runtime
from brainfill.cli.progress import Talk, talking
from brainfill.core.atomic import all_or_none
from brainfill.core.config import to_dict
from brainfill.core.errors import ConfigError
from brainfill.io._bytes import output_format
from brainfill.io.sidecar import beside, stem
from brainfill.tasks._device import RunConfig
from brainfill.tasks.synthesize import SynthesizeConfig, painter_config

EXAMPLES = examples(
    "brainfill synthesize T1.nii.gz MASK.nii.gz -o OUT.nii.gz",
    "brainfill synthesize T1.nii.gz MASK.nii.gz -o OUT.nii.gz --flair FLAIR.nii.gz --flair-out OUT_FLAIR.nii.gz --grow 2",
    "brainfill synthesize FLAIR.nii.gz MASK.nii.gz -o OUT.nii.gz --contrast FLAIR --lesion-contrast 1.4",
)


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="scan without lesions there")],
    mask: Annotated[Path, typer.Argument(metavar="MASK", help="where lesions are wanted")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the scan with lesions")],
    contrast: Annotated[Literal["T1w", "FLAIR"], flag(SynthesizeConfig, "contrast")] = default(
        SynthesizeConfig, "contrast"
    ),
    flair: Annotated[
        Path | None, typer.Option("--flair", help="FLAIR on the grid of a T1w IMAGE")
    ] = None,
    flair_out: Annotated[
        Path | None, typer.Option("--flair-out", help="the FLAIR with the same lesions")
    ] = None,
    method: Annotated[str, flag(SynthesizeConfig, "method", values=values.PAINTERS)] = default(
        SynthesizeConfig, "method"
    ),
    model: Annotated[str, flag(SynthesizeConfig, "model", values=values.models)] = default(
        SynthesizeConfig, "model"
    ),
    lesion_contrast: Annotated[float, flag(SynthesizeConfig, "lesion_contrast")] = default(
        SynthesizeConfig, "lesion_contrast"
    ),
    grow: Annotated[float, flag(SynthesizeConfig, "grow")] = default(SynthesizeConfig, "grow"),
    shrink: Annotated[float, flag(SynthesizeConfig, "shrink")] = default(
        SynthesizeConfig, "shrink"
    ),
    add: Annotated[int, flag(SynthesizeConfig, "add")] = default(SynthesizeConfig, "add"),
    set_: Annotated[
        list[str], flag(SynthesizeConfig, "settings", "--set", metavar="KEY=VALUE")
    ] = default(SynthesizeConfig, "settings"),
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
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Paint realistic multiple sclerosis lesions into a scan, for training and testing of segmenters.

    Every voxel outside the mask stays as it is. Beside OUT are written the label (OUT_mask, what was really painted)
    and OUT.json; with --grow, --shrink or --add also a second visit (OUT_followup).
    """
    config = SynthesizeConfig(
        method=method,
        contrast=contrast,
        lesion_contrast=lesion_contrast,
        model=model,
        grow=grow,
        shrink=shrink,
        add=add,
        settings=tuple(set_),
    )
    run = RunConfig(seed=seed, device=device, threads=threads, deterministic=deterministic)
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    request = SynthesizeRequest(image, mask, flair, config, run, read)
    painter_config(config)
    outputs = planned_outputs(request, out, flair_out)
    inputs = [Path(str(p)) for p in request.inputs]
    check_inputs(inputs)
    check_outputs(list(outputs.values()), inputs, force=force)
    if dry_run:
        typer.echo(json.dumps(_resolved(request, outputs), indent=2))
        return
    with talking(quiet=quiet, verbose=verbose) as talk:
        facts = _synthesize(request, outputs, talk)
    summary = {"Outputs": {name: str(path) for name, path in outputs.items()}, **facts}
    typer.echo(json.dumps(summary, indent=2) if as_json else str(out))


def planned_outputs(
    request: SynthesizeRequest, out: Path, flair_out: Path | None
) -> dict[str, Path]:
    """All files the command will write: images and labels of each visit, and the record.

    Raises:
        ConfigError: a name does not end as an image does, or a FLAIR has no output or an output no FLAIR.
    """
    if (request.flair is None) != (flair_out is None):
        given, missing = ("--flair", "--flair-out") if request.flair else ("--flair-out", "--flair")
        msg = f"{given} is given without {missing}"
        raise ConfigError(msg, "give both or neither")
    images: dict[str, Path] = {request.config.contrast: out}
    images |= {"FLAIR": flair_out} if flair_out else {}
    outputs = {}
    for visit in request.config.visits:
        ending = f"_{visit}" if visit else ""
        for name, path in images.items():
            output_format(path)
            outputs[f"{name}{ending}"] = beside(path, ending + path.name[len(stem(path)) :])
        outputs[f"mask{ending}"] = beside(out, f"{ending}_mask.nii.gz")
    return outputs | {"sidecar": beside(out, ".json")}


def _resolved(request: SynthesizeRequest, outputs: dict[str, Path]) -> dict[str, Any]:
    config = request.config
    return {
        "inputs": [str(p) for p in request.inputs],
        "outputs": {name: str(path) for name, path in outputs.items()},
        "options": to_dict(request.run) | to_dict(request.read) | to_dict(config),
        "settings": to_dict(painter_config(config)),
    }


def _synthesize(request: SynthesizeRequest, outputs: dict[str, Path], talk: Talk) -> dict[str, Any]:
    began = time.monotonic()
    done = run_synthesize(request, talk.progress, talk.warn)
    talk.progress("writing", 0, 1)
    facts = _write(done, outputs, began)
    talk.progress("writing", 1, 1)
    for lesions in facts["Lesions"]:
        talk.detail(
            f"{lesions['Visit']} visit: painted {lesions['Count']} lesions, {lesions['VolumeML']:.2f} ml, "
            f"brightness to surroundings {json.dumps(lesions['BrightnessToSurroundings'])}"
        )
    return facts


def _write(done: SynthesizeDone, outputs: dict[str, Path], began: float) -> dict[str, Any]:
    """Write all outputs, or leave no new ones behind; the facts that went into the sidecar."""
    from brainfill.io.nifti import write_filled, write_map
    from brainfill.io.sidecar import write_sidecar

    written = {}
    first = next(iter(done.scan.images.values()))
    with all_or_none(outputs.values()):
        for visit in done.synthesis.visits:
            for name, image in visit.images.items():
                original, named = done.scan.images[name], visit.named(name)
                written[named] = write_filled(
                    original, image.data, visit.lesion.data, outputs[named]
                )
            write_map(first, visit.lesion.data, outputs[visit.named("mask")])
        facts = synthesize_facts(done, written)
        facts |= runtime(began, done.request.run)
        write_sidecar(facts, outputs["sidecar"])
    return facts
