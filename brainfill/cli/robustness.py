"""`brainfill robustness`: fills a scan, measures it before and after with several tools, compares each with itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from brainfill import __version__
from brainfill.api import CompareRequest, ReadConfig, Request, ThicknessRequest
from brainfill.api._common import sources
from brainfill.cli import compare, fill, thickness, values
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, Quiet, Verbose, default, flag
from brainfill.cli.output import check_inputs, check_outputs, new_folders
from brainfill.cli.preprocess import subject
from brainfill.cli.progress import Talk, talking
from brainfill.core.atomic import all_or_none
from brainfill.core.config import to_dict
from brainfill.core.documents import read_json
from brainfill.core.errors import BrainfillError, ConfigError, UnavailableError
from brainfill.tasks._device import RunConfig
from brainfill.tasks.compare import CompareConfig
from brainfill.tasks.fill import FillConfig, filler_config
from brainfill.tasks.thickness import ThicknessConfig, backend_config, backend_missing

BEFORE, AFTER = "before", "after"
TABLE, RECORD = "robustness.tsv", "robustness.json"
# Columns of the table, and where a comparison's record has them.
_AVERAGES = {
    "global_change_pct": "GlobalMean",
    "roi_change_pct": "ROIAverage",
    "near_lesion_change_pct": "NearLesion",
    "far_from_lesion_change_pct": "FarFromLesion",
}


@dataclass(frozen=True)
class Tool:
    """Who measures: a backend, and for `direct` perhaps who tells tissues apart.

    Args:
        name: as it was asked for, such as "freesurfer" or "direct/atropos".
        config: its settings.
    """

    name: str
    config: ThicknessConfig

    @property
    def folder(self) -> str:
        """Name of the folder of its results."""
        return self.name.replace("/", "-")


EXAMPLES = examples(
    "brainfill robustness T1.nii.gz MASK.nii.gz -o DIR",
    "brainfill robustness T1.nii.gz MASK.nii.gz -o DIR --backends direct/deep,freesurfer --filled FILLED.nii.gz",
)


def command(
    t1: Annotated[Path, typer.Argument(metavar="T1", help="T1-weighted image, head or brain")],
    mask: Annotated[Path, typer.Argument(metavar="MASK", help="lesion mask")],
    out: Annotated[Path, typer.Option("--out", "-o", help="folder for the results")],
    backends: Annotated[
        str,
        typer.Option(
            "--backends",
            metavar="A,B,C",
            help="who measures: as --backend of brainfill thickness, and direct/deep, direct/atropos or direct/kmeans",
        ),
    ] = "direct/deep,direct/atropos",
    filled: Annotated[
        Path | None, typer.Option("--filled", help="take this filled image instead of filling T1")
    ] = None,
    method: Annotated[str, flag(FillConfig, "method", values=values.FILLERS)] = default(
        FillConfig, "method"
    ),
    skullstrip: Annotated[
        str, flag(ThicknessConfig, "skullstrip", metavar="BACKEND|FILE", values=values.STRIPPERS)
    ] = default(ThicknessConfig, "skullstrip"),
    set_: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="TOOL.KEY=VALUE",
            help="setting of one of them, such as ants.template=FOLDER",
        ),
    ] = default(ThicknessConfig, "settings"),
    near_mm: Annotated[float, flag(CompareConfig, "near_mm")] = default(CompareConfig, "near_mm"),
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
    """How much do lesions change what a tool measures? Fill, measure before and after, compare.

    Each tool measures the scan as it is and the filled one, and knows of no lesion; the less its result changes, the
    less lesions mislead it. Tools that are not installed are named and left out. The same call goes on where an earlier
    one stopped.
    """
    run = RunConfig(seed=seed, device=device, threads=threads, deterministic=deterministic)
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    request = Request(t1, mask, FillConfig(method=method), run, read)
    tools = chosen(backends, skullstrip, set_)
    filler_config(request.config)
    check_inputs([t1, mask, *([filled] if filled else [])])
    there, absent = available(tools)
    if dry_run:
        plan = {
            "inputs": {"T1": str(t1), "mask": str(mask), "filled": filled and str(filled)},
            "measure": [tool.name for tool in there],
            "missing": absent,
            "options": to_dict(run) | to_dict(read) | to_dict(request.config),
        }
        typer.echo(json.dumps(plan, indent=2))
        return
    with talking(quiet=quiet, verbose=verbose) as talk, new_folders([out]):
        for name, lacks in absent.items():
            talk.warn(f"'{name}' cannot measure: {lacks}")
        if not there:
            msg = f"none of the tools asked for is there: {', '.join(absent)}"
            raise UnavailableError(msg, "see: brainfill list backends; 'direct' is always there")
        image = filled or _filled(request, out, talk, force=force)
        config = CompareConfig(near_mm=near_mm, seed=seed)
        rows = [_tried(tool, request, image, out, config, talk, force=force) for tool in there]
        missing = [{"backend": name, "status": "missing"} for name in absent]
        facts = _write([*rows, *missing], request, image, out)
    if not quiet:
        typer.echo(shown(facts["Results"]), err=True)
    typer.echo(json.dumps(facts, indent=2) if as_json else str(out / TABLE))


def chosen(backends: str, skullstrip: str, settings: Sequence[str]) -> list[Tool]:
    """The tools that a list asks for.

    Args:
        backends: their names, separated by commas.
        skullstrip: who finds the brain for `direct`.
        settings: TOOL.KEY=VALUE each, where TOOL is one of the names.

    Raises:
        ConfigError: an unknown one, one twice, or none; a setting of a tool that is not asked for, or that it does
            not have.
    """
    names = [name.strip() for name in backends.split(",") if name.strip()]
    if not names or len(set(names)) != len(names):
        what = "names a tool twice" if names else "names no tool"
        msg = f"--backends '{backends}' {what}"
        raise ConfigError(msg, "for example --backends direct/deep,freesurfer")
    own: dict[str, list[str]] = {name: [] for name in names}
    for setting in settings:
        name, _, rest = setting.partition(".")
        if name not in own:
            msg = f"--set '{setting}' is for none of the tools asked for: {', '.join(names)}"
            raise ConfigError(msg, f"write TOOL.KEY=VALUE, such as {names[0]}.KEY=VALUE")
        own[name].append(rest)
    tools = []
    for name in names:
        backend, _, segmenter = name.partition("/")
        # Programs of others find the brain themselves.
        strip = skullstrip if backend == "direct" else ThicknessConfig().skullstrip
        given = (*([f"segmenter={segmenter}"] if segmenter else []), *own[name])
        tool = Tool(name, ThicknessConfig(backend=backend, skullstrip=strip, settings=given))
        backend_config(tool.config)
        tools.append(tool)
    return tools


def available(tools: Sequence[Tool]) -> tuple[list[Tool], dict[str, str]]:
    """Those that can run here, and what the others lack."""
    lacks = {tool.name: backend_missing(tool.config) for tool in tools}
    absent = {name: reason for name, reason in lacks.items() if reason}
    return [tool for tool in tools if tool.name not in absent], absent


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """The table for a terminal: mean changes of each tool in per cent."""
    lines = [f"{'change by filling, %':<24}{'global':>8}{'regions':>9}{'near':>8}{'far':>8}"]
    for row in rows:
        cells = [row.get(name) for name in _AVERAGES]
        numbers = ["n/a" if v is None else f"{v:.2f}" for v in cells]
        lines.append(f"{row['backend']:<24}" + "".join(f"{v:>8}" for v in numbers))
    return "\n".join(lines)


def _filled(request: Request, out: Path, talk: Talk, *, force: bool) -> Path:
    """The filled image in the folder; one that an earlier call made alike of the same files is made again."""
    t1, mask = _files(request)
    image = out / f"{subject(t1)}_filled.nii.gz"
    outputs = fill.planned_outputs(t1, image, None, None, None, report=False)
    again = force or _made_alike(outputs["sidecar"], request)
    check_outputs(list(outputs.values()), [t1, mask], force=again)
    fill.filled(request, outputs, talk)
    return outputs["image"]


def _made_alike(sidecar: Path, request: Request) -> bool:
    """Whether a record says that its image was made of these files with these settings."""
    try:
        record = read_json(sidecar)
        sums, arguments = list(record["SourcesSHA256"].values()), record["BrainfillArguments"]
        wanted = to_dict(request.config) | to_dict(request.read) | {"seed": request.run.seed}
        wanted.pop("settings")  # there are none, and the record has those of the method
        alike = all(arguments[name] == value for name, value in wanted.items())
    except (BrainfillError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return alike and sums == list(sources(_files(request))["SourcesSHA256"].values())


def _tried(
    tool: Tool,
    request: Request,
    image: Path,
    out: Path,
    config: CompareConfig,
    talk: Talk,
    *,
    force: bool,
) -> dict[str, Any]:
    """One row: the scan measured before and after by a tool, and compared."""
    from brainfill.io.thickness import PairFiles

    t1, mask = _files(request)
    results, means = {}, {}
    for when, scan in ((BEFORE, t1), (AFTER, image)):
        talk.note(f"{tool.name}, {when} filling")
        folder = out / tool.folder / when
        asked = ThicknessRequest(scan, None, tool.config, request.run, request.read, work=folder)
        results[when] = thickness.planned_outputs(folder, subject(scan), tool.config.backend)
        facts = thickness.measured(asked, folder, results[when], talk, force=force)
        means[f"{when}_mm"] = facts["Global"]["mean_mm"]
    regions = results[BEFORE]["regions"]
    near = (mask, regions) if regions.exists() else (None, None)  # surfaces have no voxels
    pair = PairFiles(subject(t1), results[BEFORE]["table"], results[AFTER]["table"], *near)
    compared = CompareRequest([pair], [], near[1], config, request.read)
    found = compare.compared(
        compared, compare.planned_outputs(out / tool.folder, report=False), talk
    )
    return {
        "backend": tool.name,
        "status": "measured",
        **means,
        **{column: found.get(key, {}).get("ChangePct") for column, key in _AVERAGES.items()},
        "regions": found["ROIAverage"]["Regions"],
    }


def _files(request: Request) -> tuple[Path, Path]:
    return Path(str(request.t1)), Path(str(request.mask))


def _write(rows: list[dict[str, Any]], request: Request, image: Path, out: Path) -> dict[str, Any]:
    from brainfill.io.sidecar import write_sidecar
    from brainfill.io.tables import write_table

    columns = list(rows[0])
    table = [{column: row.get(column) for column in columns} for row in rows]
    facts = {
        "GeneratedBy": {"Name": "brainfill", "Version": __version__},
        **sources([*_files(request), image]),
        "Filled": str(image),
        "Results": table,
    }
    with all_or_none([out / TABLE, out / RECORD]):
        write_table(table, out / TABLE)
        write_sidecar(facts, out / RECORD)
    return facts
