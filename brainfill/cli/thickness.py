"""`brainfill thickness`: reads a scan, has the thickness of its cortex measured, writes map, table and picture."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill.api import (
    ReadConfig,
    ThicknessDone,
    ThicknessRequest,
    page,
    run_thickness,
    thickness_key,
)
from brainfill.cli import values
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, Quiet, Report, Verbose, default, flag
from brainfill.cli.output import (
    check_inputs,
    check_outputs,
    command_line,
    new_folders,
    runtime,
    write_page,
)
from brainfill.cli.preprocess import subject
from brainfill.cli.progress import Talk, talking
from brainfill.core.atomic import all_or_none
from brainfill.core.config import to_dict
from brainfill.core.documents import read_json
from brainfill.core.errors import BrainfillError, ConfigError
from brainfill.tasks._device import RunConfig
from brainfill.tasks.thickness import ThicknessConfig, backend_config

EXAMPLES = examples(
    "brainfill thickness T1.nii.gz -o DIR",
    "brainfill thickness T1.nii.gz -o DIR --mask MASK.nii.gz --segmenter atropos",
    "brainfill thickness T1.nii.gz -o DIR --backend freesurfer --from SUBJECT",
)


def command(
    t1: Annotated[Path, typer.Argument(metavar="T1", help="T1-weighted image, head or brain")],
    out: Annotated[Path, typer.Option("--out", "-o", help="folder for the results")],
    backend: Annotated[
        Literal["direct", "ants", "antspynet", "dldirect", "fastsurfer", "freesurfer"],
        flag(ThicknessConfig, "backend"),
    ] = default(ThicknessConfig, "backend"),
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask",
            "-m",
            "-l",
            "--lesion-mask",
            help="lesions: left out of fits, and white matter for direct; surface tools and dldirect do not use it",
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="read what the tool left here, do not run it"),
    ] = None,
    segmenter: Annotated[
        Literal["auto", "atropos", "deep", "kmeans"], flag(ThicknessConfig, "segmenter")
    ] = default(ThicknessConfig, "segmenter"),
    skullstrip: Annotated[
        str, flag(ThicknessConfig, "skullstrip", metavar="BACKEND|FILE", values=values.STRIPPERS)
    ] = default(ThicknessConfig, "skullstrip"),
    set_: Annotated[
        list[str], flag(ThicknessConfig, "settings", "--set", metavar="KEY=VALUE")
    ] = default(ThicknessConfig, "settings"),
    desc: Annotated[
        str,
        typer.Option(
            "--desc",
            help="word after desc- in the names of results; that of the backend without it",
        ),
    ] = "",
    work: Annotated[
        Path | None,
        typer.Option("--work", help="folder for what a called program writes; that of -o without"),
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
    """Measure the thickness of the cortex, by region.

    Writes a map in mm on the grid of T1 and a map of regions (by tools that measure in voxels), a table, a picture and
    a record. The same call on the same files measures only once.
    """
    config = ThicknessConfig(
        backend=backend, segmenter=segmenter, skullstrip=skullstrip, settings=tuple(set_)
    )
    run = RunConfig(seed=seed, device=device, threads=threads, deterministic=deterministic)
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    request = ThicknessRequest(t1, mask, config, run, read, from_, work or out)
    settings = backend_config(config)
    inputs = [p for p in (t1, mask) if p]
    check_inputs(inputs)
    outputs = planned_outputs(out, subject(t1), _word(desc) or backend, report=report)
    if dry_run:
        plan = {
            "inputs": [str(p) for p in inputs],
            "outputs": [str(p) for p in outputs.values()],
            "options": to_dict(run) | to_dict(read) | to_dict(config),
            "settings": to_dict(settings),
        }
        typer.echo(json.dumps(plan, indent=2))
        return
    with talking(quiet=quiet, verbose=verbose) as talk:
        facts = measured(request, out, outputs, talk, force=force)
    written = {name: str(path) for name, path in outputs.items() if path.exists()}
    summary = json.dumps({"Outputs": written, **facts}, indent=2)
    typer.echo(summary if as_json else str(outputs["table"]))


def _word(desc: str) -> str:
    """The word, if a name of BIDS can hold it.

    Raises:
        ConfigError: it holds other than letters and digits.
    """
    if desc and not (desc.isascii() and desc.isalnum()):
        msg = f"--desc '{desc}' holds other than letters and digits"
        raise ConfigError(msg, "for example: --desc filled")
    return desc


def planned_outputs(out: Path, name: str, desc: str, *, report: bool = False) -> dict[str, Path]:
    """Every file the command may write, by what it is; `desc` tells results of a scan apart."""
    start = f"{name}_desc-{desc}_thickness"
    return {
        "map": out / f"{start}.nii.gz",
        "regions": out / f"{name}_desc-{desc}_dseg.nii.gz",
        "table": out / f"{start}.tsv",
        "picture": out / f"{start}.png",
        "sidecar": out / f"{start}.json",
        **({"report": out / f"{start}.html"} if report else {}),
    }


def finished(request: ThicknessRequest, outputs: Mapping[str, Path]) -> dict[str, Any] | None:
    """The record of an earlier run that did the same, if its outputs are still what they were; else None."""
    from brainfill.bundles.store import sha256

    try:
        record: dict[str, Any] = read_json(outputs["sidecar"])
        sums = record["OutputsSHA256"]
        same = all(sha256(outputs["sidecar"].with_name(n)) == s for n, s in sums.items())
        key = record["Key"]
    except (BrainfillError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if key and same and key == thickness_key(request) else None


def measured(
    request: ThicknessRequest, out: Path, outputs: Mapping[str, Path], talk: Talk, *, force: bool
) -> dict[str, Any]:
    """The record of a measurement: of an earlier one that did the same, or of one that is done and written now.

    Args:
        request: what to measure.
        out: folder of the results.
        outputs: as of `planned_outputs`.
        talk: is told.
        force: measure anyway, and replace what is there.

    Raises:
        ConfigError: results of something else are there.
        DataError, UnavailableError, ExternalError: as `run_thickness`.
    """
    if not force and (before := finished(request, outputs)):
        talk.note("nothing to do: the same was measured already (--force does it again)")
        if "report" in outputs and not outputs["report"].exists():
            _write_page(request, outputs, before)
        return before
    with new_folders([out]):
        check_outputs(list(outputs.values()), request.files, force=force)
        began = time.monotonic()
        done = run_thickness(request, talk.progress, talk.warn)
        talk.progress("writing", 0, 1)
        facts = _write(done, request, outputs, began)
        talk.progress("writing", 1, 1)
    means = ", ".join(
        f"{name.removesuffix('_mm')} {mm:.2f}" for name, mm in facts["Global"].items()
    )
    talk.detail(
        f"{facts['Backend']}: {means} mm; {facts['RegionsMeasured']} regions measured; "
        f"{time.monotonic() - began:.0f} s"
    )
    return facts


def _write(
    done: ThicknessDone, request: ThicknessRequest, outputs: Mapping[str, Path], began: float
) -> dict[str, Any]:
    """Write all outputs, or leave no new ones behind; remove older ones that are none now."""
    from brainfill.bundles.store import sha256
    from brainfill.core.atomic import replacing
    from brainfill.io.nifti import write_map
    from brainfill.io.sidecar import write_sidecar
    from brainfill.io.tables import write_table

    original, result = done.scan.images["T1w"], done.result
    written = [*result.volumes, "table", "picture"]
    with all_or_none(outputs.values()):
        for name, volume in result.volumes.items():
            write_map(original, volume.data, outputs[name])
        write_table(result.tables["thickness"], outputs["table"])
        with replacing(outputs["picture"]) as temporary:
            temporary.write_bytes(result.files["picture"])
        for name in set(outputs) - {*written, "sidecar", "report"}:
            outputs[name].unlink(missing_ok=True)
        facts = {
            **done.facts,
            "Key": thickness_key(request),
            "OutputsSHA256": {outputs[n].name: sha256(outputs[n]) for n in written},
            **runtime(began, request.run),
        }
        write_sidecar(facts, outputs["sidecar"])
        if "report" in outputs:
            _write_page(request, outputs, facts)
    return facts


def _write_page(
    request: ThicknessRequest, outputs: Mapping[str, Path], facts: Mapping[str, Any]
) -> None:
    """Write the page of what the other outputs hold, so that it can be had later as well."""
    from brainfill.io.tables import read_table
    from brainfill.report.thickness import thickness_part
    from brainfill.tasks._base import Result

    result = Result(
        tables={"thickness": [_numbers(row) for row in read_table(outputs["table"])]},
        files={"picture": outputs["picture"].read_bytes()},
    )
    html = page(subject(request.files[0]), [thickness_part(result, facts)], command_line())
    write_page(html, outputs["report"])


def _numbers(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of the table with numbers for text where they have units; None for n/a."""
    return {
        name: text if not name.endswith(("_mm", "_ml")) else None if text == "n/a" else float(text)
        for name, text in row.items()
    }
