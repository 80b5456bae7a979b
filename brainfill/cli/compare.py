"""`brainfill compare`: compares thickness results, writes tables, figures and a record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brainfill.api import CompareRequest, ReadConfig, compared_people, page, run_compare
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, Quiet, Report, Verbose, default, flag
from brainfill.cli.output import (
    check_inputs,
    check_outputs,
    command_line,
    new_folders,
    write_page,
)
from brainfill.cli.progress import Talk, talking
from brainfill.core.config import to_dict
from brainfill.io.atomic import all_or_none
from brainfill.tasks.compare import FIGURES, TABLES, CompareConfig

if TYPE_CHECKING:
    from brainfill.tasks._base import Result

RECORD, PAGE = "comparison.json", "comparison.html"

EXAMPLES = examples(
    "brainfill compare BEFORE AFTER -o DIR --report",
    "brainfill compare BEFORE AFTER -o DIR --labels DSEG.nii.gz --lesion MASK.nii.gz --near-mm 5",
    "brainfill compare --pairs PAIRS.tsv --null RESCANS.tsv -o DIR",
)


def command(
    out: Annotated[Path, typer.Option("--out", "-o", help="folder for tables and figures")],
    before: Annotated[
        Path | None, typer.Argument(metavar="BEFORE", help="thickness result: folder or .tsv")
    ] = None,
    after: Annotated[
        Path | None, typer.Argument(metavar="AFTER", help="that of the filled scan")
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs",
            help="cohort instead: .tsv with the columns subject, before, after, and perhaps lesion and labels",
        ),
    ] = None,
    lesion: Annotated[
        Path | None,
        typer.Option("--lesion", "-l", help="lesion mask, to tell near regions from far ones"),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", help="label map of the regions; the region map is drawn on it"),
    ] = None,
    null: Annotated[
        Path | None,
        typer.Option("--null", help="noise floor: .tsv like that of --pairs, of rescans"),
    ] = None,
    near_mm: Annotated[float, flag(CompareConfig, "near_mm")] = default(CompareConfig, "near_mm"),
    resamples: Annotated[int, flag(CompareConfig, "resamples")] = default(
        CompareConfig, "resamples"
    ),
    seed: Annotated[int, flag(CompareConfig, "seed")] = default(CompareConfig, "seed"),
    label: Annotated[int | None, flag(ReadConfig, "label")] = default(ReadConfig, "label"),
    nan_to_zero: Annotated[bool, flag(ReadConfig, "nan_to_zero")] = default(
        ReadConfig, "nan_to_zero"
    ),
    assume_same_grid: Annotated[bool, flag(ReadConfig, "assume_same_grid")] = default(
        ReadConfig, "assume_same_grid"
    ),
    report: Report = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Did cortical thickness change? Compare results before and after filling, region by region.

    A result is a folder with one file *thickness.tsv, or that file (columns region, hemisphere, mean_mm, sd_mm, voxels,
    volume_ml, perhaps label) with a .json beside it. The change is |x - y| / (x + y). Numbers of regions in a label map
    come from the column label, or from a .tsv beside the map with the columns index, name and hemisphere.
    """
    from brainfill.io.thickness import read_pairs

    config = CompareConfig(near_mm=near_mm, resamples=resamples, seed=seed)
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    lists = [p for p in (pairs, null) if p]
    images = [p for p in (lesion, labels) if p]
    check_inputs([*lists, *images])
    people = compared_people([p for p in (before, after) if p], pairs, lesion, labels)
    request = CompareRequest(people, read_pairs(null) if null else [], labels, config, read)
    outputs = planned_outputs(out, report=report)
    everyone = [*request.pairs, *request.floor]
    inputs = [*lists, *images, *(p for f in everyone for p in (f.before, f.after) if p.is_file())]
    if out.is_dir():
        check_outputs(list(outputs.values()), inputs, force=force)
    if dry_run:
        typer.echo(json.dumps(_resolved(request, outputs), indent=2))
        return
    with new_folders([out]), talking(quiet=quiet, verbose=verbose) as talk:
        check_outputs(list(outputs.values()), inputs, force=force)
        facts = compared(request, outputs, talk)
    if not quiet:
        typer.echo("\n".join(sentences(facts)), err=True)
    written = [path for path in outputs.values() if path.exists()]
    summary = {"Outputs": [str(p) for p in written], **facts}
    typer.echo(json.dumps(summary, indent=2) if as_json else "\n".join(map(str, written)))


def planned_outputs(out: Path, *, report: bool) -> dict[str, Path]:
    """Every file the command may write, by its name."""
    names = [*(f"{t}.tsv" for t in TABLES), *FIGURES, RECORD, *([PAGE] if report else [])]
    return {name: out / name for name in names}


def compared(request: CompareRequest, outputs: Mapping[str, Path], talk: Talk) -> dict[str, Any]:
    """Compare and write; the record.

    Raises:
        InputMissingError, DataError: as `run_compare`.
    """
    began = time.monotonic()
    result, facts = run_compare(request, talk.progress, talk.warn)
    facts["RuntimeSeconds"] = round(time.monotonic() - began, 2)
    talk.progress("writing", 0, 1)
    _write(result, facts, outputs)
    talk.progress("writing", 1, 1)
    return facts


def sentences(facts: Mapping[str, Any]) -> list[str]:
    """The averages with their intervals, one line each, and the verdict."""
    lines = []
    for name, words in _NAMES.items():
        if name in facts:
            found = facts[name]
            low, high = found["IntervalPct"]
            interval = "" if low is None else f" ({low:.2f} to {high:.2f})"
            shown = "n/a" if found["ChangePct"] is None else f"{found['ChangePct']:.2f} %{interval}"
            over = f", {found['Regions']} regions" if "Regions" in found else ""
            lines.append(f"{words:<20}{shown}{over}")
    skipped = facts["Skipped"]["Count"]
    lines.append(f"{'people':<20}{facts['People']}, {skipped} measurements skipped")
    return lines + ([facts["Verdict"]["Sentence"]] if "Verdict" in facts else [])


_NAMES = {
    "GlobalMean": "global mean",
    "ROIAverage": "ROI average",
    "NearLesion": "near lesions",
    "FarFromLesion": "far from lesions",
}


def _resolved(request: CompareRequest, outputs: Mapping[str, Path]) -> dict[str, Any]:
    def shown(files: Any) -> dict[str, str]:  # noqa: ANN401 - PairFiles
        return {name: str(value) for name, value in vars(files).items() if value is not None}

    return {
        "pairs": [shown(f) for f in request.pairs],
        "null": [shown(f) for f in request.floor],
        "outputs": [str(p) for p in outputs.values()],
        "options": to_dict(request.config) | to_dict(request.read),
    }


def _title(result: Result) -> str:
    people = [str(row["subject"]) for row in result.tables["subjects"]]
    if len(people) > 1:
        return f"Thickness before and after, {len(people)} people"
    # A result may be a folder of any name.
    return f"{people[0]}: thickness change" if people[0].startswith("sub-") else "Thickness change"


def _write(result: Result, facts: dict[str, Any], outputs: Mapping[str, Path]) -> None:
    """Write tables, figures and record, or leave no new ones behind; remove older figures that are none now."""
    from brainfill.io.atomic import replacing
    from brainfill.io.sidecar import write_sidecar
    from brainfill.io.tables import write_table

    with all_or_none(outputs.values()):
        for name, table in result.tables.items():
            write_table(table, outputs[f"{name}.tsv"])
        for name, contents in result.files.items():
            with replacing(outputs[name]) as temporary:
                temporary.write_bytes(contents)
        write_sidecar(facts, outputs[RECORD])
        if PAGE in outputs:
            from brainfill.report.thickness import compare_part

            html = page(_title(result), [compare_part(result, facts)], command_line())
            write_page(html, outputs[PAGE])
    for name in set(FIGURES) - set(result.files):
        outputs[name].unlink(missing_ok=True)
