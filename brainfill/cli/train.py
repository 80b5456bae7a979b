"""`brainfill train`: packs training data, trains a model family, exports a bundle."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from brainfill.cli import values
from brainfill.cli._packing import find_sources, pack_sources
from brainfill.cli._packing_cases import case_files, case_rows, pack_cases
from brainfill.cli.commands import App
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, Quiet, default, flag
from brainfill.cli.output import check_outputs
from brainfill.core.atomic import make_folder
from brainfill.core.config import check_ranges, option
from brainfill.core.context import ignore
from brainfill.core.errors import ConfigError, InputMissingError
from brainfill.tasks._device import RunConfig, resolve_device
from brainfill.train.recipe import ModelChoice, chosen

_TRAIN = examples(
    "brainfill train --data BIDS_DIR --lesions MASKS -o RUN --family pseudo3d --preset small",
    "brainfill train --data PACKED.npz -o RUN --max-minutes 60 --set train.steps=1000",
    "brainfill train --data PACKED.npz -o RUN --recipe fill-p3d-mixture",
)
_PACKS = examples(
    "brainfill train pack BIDS_DIR -o PACKED.npz --lesions MASKS",
    "brainfill train pack PEOPLE.tsv -o PACKED.npz --exclude sub-01",
)
app = App(invoke_without_command=True, epilog=_TRAIN)
_PACK = "pack.npz"
Lesions = Annotated[
    str, typer.Option("--lesions", help="folder or glob pattern of lesion masks, for shapes")
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="SUB", help="person to leave out; repeatable"),
]


@dataclass(frozen=True, kw_only=True)
class TrainOptions(ModelChoice):
    """What to train; the rest is set with --set."""

    recipe: str = option(
        "", "all settings by one name, or a .toml file; see: brainfill list recipes"
    )
    max_minutes: float | None = option(
        None, "stop after this time", unit="minutes", low=0, high=525_600
    )
    settings: tuple[str, ...] = option((), "such as train.steps=1000 or model.unet.width=24")

    def __post_init__(self) -> None:
        check_ranges(self)


@app.callback()
def command(
    ctx: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="BIDS folder, manifest .tsv, folder of .png pictures, or packed .npz"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="folder of the run, made if needed")
    ] = None,
    lesions: Lesions = "",
    exclude: Exclude = None,
    recipe: Annotated[str, flag(TrainOptions, "recipe", values=values.recipes)] = default(
        TrainOptions, "recipe"
    ),
    family: Annotated[str, flag(TrainOptions, "family", values=values.FAMILIES)] = default(
        TrainOptions, "family"
    ),
    preset: Annotated[str, flag(TrainOptions, "preset", values=values.PRESETS)] = default(
        TrainOptions, "preset"
    ),
    learner: Annotated[str, flag(TrainOptions, "learner", values=values.LEARNERS)] = default(
        TrainOptions, "learner"
    ),
    max_minutes: Annotated[float | None, flag(TrainOptions, "max_minutes")] = default(
        TrainOptions, "max_minutes"
    ),
    set_: Annotated[
        list[str], flag(TrainOptions, "settings", "--set", metavar="KEY=VALUE")
    ] = default(TrainOptions, "settings"),
    device: Annotated[str, flag(RunConfig, "device", values=values.DEVICES)] = default(
        RunConfig, "device"
    ),
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model; the same command continues a run that was interrupted.

    The folder of the run receives its settings, its state and, at the end, the bundle that
    `brainfill fill --model` takes. Its path is printed.
    """
    if ctx.invoked_subcommand is not None:
        return
    if data is None or out is None:
        msg = f"training needs {'--data' if data is None else '-o RUN'}"
        raise ConfigError(msg, "brainfill train --data BIDS_OR_MANIFEST -o RUN")
    options = {"family": family, "preset": preset, "learner": learner}
    made = chosen(recipe or None, **_given(ctx, options))
    began = time.monotonic()
    say = ignore if quiet else _say
    packed = _packed(data, lesions, exclude or [], out, say, dry_run=dry_run)
    from brainfill.train.run import train_run

    bundle = train_run(
        made,
        packed,
        out,
        settings=set_,
        device="cpu" if dry_run else resolve_device(device),
        max_minutes=max_minutes,
        dry_run=dry_run,
        say=typer.echo if dry_run else say,
    )
    if dry_run:
        return
    summary = {
        "Output": str(bundle),
        **({"Recipe": made.name} if made.name else {}),
        "Family": made.family,
        "Preset": made.preset,
        "Settings": list(set_),
        "RuntimeSeconds": round(time.monotonic() - began, 2),
    }
    typer.echo(json.dumps(summary, indent=2) if as_json else str(bundle))


@app.command("pack", epilog=_PACKS)
def pack(
    data: Annotated[
        Path, typer.Argument(help="BIDS folder, manifest .tsv, or folder of .png pictures")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="packed file, .npz")],
    lesions: Lesions = "",
    exclude: Exclude = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Pack scans and lesion shapes into one file that training reads without nibabel.

    A table with columns such as contrast:T1w and mask:lesion, and perhaps name, person, site, label and value, becomes
    a pack of cases; so does a folder of .png pictures, labelled by the folders they are in.
    """
    if out.suffix != ".npz":
        msg = f"output '{out}' must end in .npz"
        raise ConfigError(msg, f"for example {out.stem}.npz")
    packing = _packing(data, lesions, exclude or [])
    check_outputs([out], packing.inputs, force=force)
    facts = {"Output": str(out), **packing.write(out, ignore if quiet else _say)}
    typer.echo(json.dumps(facts, indent=2) if as_json else str(out))


def _packed(
    data: Path,
    lesions: str,
    exclude: Sequence[str],
    out: Path,
    say: Callable[[str], None],
    *,
    dry_run: bool,
) -> Path:
    """The packed file for `data`, made in the folder of the run unless it is there."""
    if data.suffix == ".npz":
        if lesions or exclude:
            msg = f"'{data}' is packed already, so --lesions and --exclude have no use"
            raise ConfigError(msg, "give them to: brainfill train pack")
        return data
    if not data.exists():
        msg = f"training data '{data}' do not exist"
        raise InputMissingError(msg, "check the path")
    packing = _packing(data, lesions, exclude)
    packed = out / _PACK
    if dry_run:
        say(f"{packing.what} in '{data}'")
    elif not packed.exists():
        make_folder(out, "choose another folder with -o")
        packing.write(packed, say)
    return packed


class _Packing(NamedTuple):
    """What there is to pack, which files it reads, and how to write it."""

    what: str
    inputs: Sequence[Path]
    write: Callable[[Path, Callable[[str], None]], dict[str, int]]


def _packing(data: Path, lesions: str, exclude: Sequence[str]) -> _Packing:
    """Scans and lesion masks, or cases where a table or a folder of pictures tells of such."""
    if not data.exists() or not (rows := case_rows(data)):
        sources = find_sources(data, lesions, exclude)
        what = f"{len(sources.scans)} scans and {len(sources.lesions)} lesion masks"
        inputs = [*sources.scans, *sources.lesions]
        return _Packing(what, inputs, partial(pack_sources, sources))
    if lesions:
        msg = f"the cases of '{data}' have masks of their own, so --lesions has no use"
        raise ConfigError(msg, "leave it out")
    return _Packing(f"{len(rows)} cases", case_files(rows), partial(pack_cases, rows, exclude))


def _given(ctx: typer.Context, options: dict[str, str]) -> dict[str, str]:
    """Those options that were written on the command line."""
    sources = {name: ctx.get_parameter_source(name) for name in options}
    return {
        name: value
        for name, value in options.items()
        if (source := sources[name]) is not None and source.name == "COMMANDLINE"
    }


def _say(line: str) -> None:
    typer.echo(line, err=True)
