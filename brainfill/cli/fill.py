"""`brainfill fill`: reads a scan and its mask, has it filled, writes the result and its record."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill.api import (
    CONTRASTS,
    Done,
    ReadConfig,
    Request,
    check_fill,
    fill_report_part,
    page,
    run_fill,
)
from brainfill.cli import _fill_visits, values
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, Quiet, Report, Verbose, default, flag
from brainfill.cli.output import (
    check_inputs,
    check_outputs,
    command_line,
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
    "brainfill fill T1.nii.gz MASK.nii.gz --flair FLAIR.nii.gz --also-fill flair=FLAIR.nii.gz",
    "brainfill fill --visits V1.nii.gz M1.nii.gz V2.nii.gz M2.nii.gz",
    "brainfill fill T1.nii.gz MASK.nii.gz --method localmean --dry-run",
)


def command(
    ctx: typer.Context,
    images: Annotated[
        list[Path] | None,
        typer.Argument(metavar="T1 MASK", help="T1-weighted image and lesion mask"),
    ] = None,
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
        Path | None,
        typer.Option(
            "-o", "--out", help="filled image; T1_filled.nii.gz without it. With --visits, a folder"
        ),
    ] = None,
    flair: Annotated[
        Path | None, typer.Option("--flair", help="FLAIR of the same visit, to compare as well")
    ] = None,
    t2: Annotated[
        Path | None, typer.Option("--t2", help="T2-weighted image of it, to compare as well")
    ] = None,
    also_fill: Annotated[
        list[str] | None,
        typer.Option(
            "--also-fill",
            metavar="flair|t2=IMAGE",
            help="fill this image over the same lesions, into IMAGE_filled.nii.gz; repeatable",
        ),
    ] = None,
    visits: Annotated[
        bool,
        typer.Option(
            "--visits",
            help="take T1 MASK T1 MASK ... as visits of one person, and fill each with what the others show",
        ),
    ] = False,
    method: Annotated[str, flag(FillConfig, "method", values=values.FILLERS)] = default(
        FillConfig, "method"
    ),
    model: Annotated[str, flag(FillConfig, "model", values=values.models)] = default(
        FillConfig, "model"
    ),
    quality: Annotated[Literal["fast", "balanced", "best"], flag(FillConfig, "quality")] = default(
        FillConfig, "quality"
    ),
    dilate: Annotated[Any, flag(FillConfig, "dilate", metavar="auto|MM")] = default(  # noqa: ANN401 - a number or a word
        FillConfig, "dilate"
    ),
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
    given = {name: path for name, path in (("FLAIR", flair), ("T2w", t2)) if path}
    also = pick_contrasts(also_fill or [])
    if visits:
        single = {"-i": input_, "-l": lesion, "--flair": flair, "--t2": t2, "--sd": sd}
        alone = {"--also-fill": also_fill, "--hole": hole, "--labels": labels}
        _fill_visits.refuse([name for name, value in (single | alone).items() if value])
        plan = _fill_visits.plan(images or [], out, (config, run, read), report=report)
    else:
        paths = pick_inputs(images or [], input_ or [], lesion or [])
        filled_too = also_outputs(also, out)
        outputs = planned_outputs(paths[0], out, sd, hole, labels, filled_too, report=report)
        plan = [(Request(*paths, config, run, read, given, also), outputs)]
    filler_config(config)
    for request, _ in plan:
        check_fill(request)
    inputs = [Path(str(path)) for path in plan[0][0].inputs]
    check_inputs(inputs)
    check_outputs([path for _, outputs in plan for path in outputs.values()], inputs, force=force)
    if dry_run:
        all_resolved = [resolved(request, outputs, ctx) for request, outputs in plan]
        text = json.dumps({"visits": all_resolved} if visits else all_resolved[0], indent=2)
        typer.echo(re.sub(_VALUE, r"{\1, \2}", text))
        return
    with talking(quiet=quiet, verbose=verbose) as talk:
        records = _fill_visits.filled(plan, talk) if visits else [filled(*plan[0], talk)]
    summaries = [
        {"Outputs": {name: str(path) for name, path in outputs.items()}, **facts}
        for (_, outputs), facts in zip(plan, records, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps({"Visits": summaries} if visits else summaries[0], indent=2))
        return
    for _, outputs in plan:
        typer.echo("\n".join(str(outputs[name]) for name in ("image", *also)))


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


def pick_contrasts(words: Sequence[str]) -> dict[str, Path]:
    """The images of `--also-fill` by contrast.

    Raises:
        ConfigError: a word is not flair=IMAGE or t2=IMAGE, or a contrast is given twice.
    """
    known = {option: name for name, option in CONTRASTS.items()}
    found: dict[str, Path] = {}
    for word in words:
        option, _, path = word.partition("=")
        if option not in known or not path:
            msg = f"--also-fill expects flair=IMAGE or t2=IMAGE, found '{word}'"
            raise ConfigError(msg, "for example --also-fill flair=FLAIR.nii.gz")
        if known[option] in found:
            msg = f"--also-fill names {option} twice: '{found[known[option]]}' and '{path}'"
            raise ConfigError(msg, "fill one image of each contrast")
        found[known[option]] = Path(path)
    return found


def also_outputs(also: Mapping[str, Path], out: Path | None) -> dict[str, Path]:
    """Where the fills of other contrasts go: beside the filled T1 if that was named, else beside their image."""
    return {
        name: (out or path).with_name(f"{stem(path)}_filled.nii.gz") for name, path in also.items()
    }


def planned_outputs(
    t1: Path,
    out: Path | None,
    sd: Path | None,
    hole: Path | None,
    labels: Path | None,
    also: Mapping[str, Path] | None = None,
    *,
    report: bool = False,
) -> dict[str, Path]:
    """All files the command will write, by what they are; fills of other contrasts by the name of these.

    Raises:
        ConfigError: a name does not end as an image does.
    """
    images = {"image": out or t1.with_name(f"{stem(t1)}_filled.nii.gz")}
    images |= {"sd": sd} if sd else {}
    images |= {"hole": hole} if hole else {}
    images |= {"labels": labels} if labels else {}
    images |= also or {}
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
        "inputs": {
            "T1": str(request.t1),
            "mask": str(request.mask),
            **{name: str(path) for name, path in request.others.items()},
        },
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
    talk.detail(_fill_visits.told(facts, began))
    return facts


def _write(done: Done, outputs: dict[str, Path], began: float) -> dict[str, Any]:
    """Write all outputs, or leave no new ones behind; the facts that went into the sidecar."""
    from brainfill.io.nifti import write_map
    from brainfill.io.tables import write_table

    original, volumes = done.scan.images["T1w"], done.result.volumes
    with all_or_none(outputs.values()):
        for name in ("sd", "hole", "labels"):
            if name in outputs:
                write_map(original, volumes[name].data, outputs[name])
        if "lesions" in outputs:
            write_table(done.result.tables["lesions"], outputs["lesions"])
        facts = _fill_visits.write(done, outputs, began)
        if "report" in outputs:
            part = fill_report_part(done, facts)
            write_page(page(done.scan.subject, [part], command_line()), outputs["report"])
    return facts
