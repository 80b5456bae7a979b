"""`brainfill study`: makes a reader study, and scores what raters answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainfill.api import (
    MANIFEST,
    ReadConfig,
    StudyConfig,
    StudyRequest,
    case_files,
    run_score,
    run_study,
)
from brainfill.cli.commands import App
from brainfill.cli.examples import examples
from brainfill.cli.options import DryRun, Force, Json, Quiet, Verbose, default, flag
from brainfill.cli.output import check_inputs, check_outputs, new_folders
from brainfill.cli.progress import talking
from brainfill.core.config import to_dict
from brainfill.core.errors import ConfigError, InputMissingError
from brainfill.io.atomic import all_or_none
from brainfill.tasks._device import RunConfig
from brainfill.tasks.study import KEY, PAGE, README

_MAKE = (
    "brainfill study make CASES.tsv -o STUDY",
    "brainfill study make CASES.tsv -o STUDY --free --pick similar --contrast FLAIR",
)
_SCORE = (
    "brainfill study score STUDY answers_A.json answers_B.json",
    "brainfill study score STUDY answers_A.json -o RATERS.tsv",
)
app = App(
    no_args_is_help=True,
    help="Reader studies: can raters tell synthetic lesions?",
    epilog=examples(_MAKE[0], _SCORE[0]),
)


@app.callback()
def group() -> None:
    """Reader studies: can raters tell synthetic lesions from real ones?"""


@app.command("make", epilog=examples(*_MAKE))
def make(
    cases: Annotated[Path, typer.Argument(metavar="CASES.tsv", help="one row per case")],
    out: Annotated[Path, typer.Option("--out", "-o", help="folder of the study, made if needed")],
    candidates: Annotated[int, flag(StudyConfig, "candidates")] = default(
        StudyConfig, "candidates"
    ),
    free: Annotated[bool, flag(StudyConfig, "free")] = default(StudyConfig, "free"),
    pick: Annotated[Literal["largest", "similar"], flag(StudyConfig, "pick")] = default(
        StudyConfig, "pick"
    ),
    contrast: Annotated[Literal["both", "T1w", "FLAIR"], flag(StudyConfig, "contrast")] = default(
        StudyConfig, "contrast"
    ),
    convention: Annotated[
        Literal["radiological", "neurological"], flag(StudyConfig, "convention")
    ] = default(StudyConfig, "convention"),
    crop_mm: Annotated[float, flag(StudyConfig, "crop_mm")] = default(StudyConfig, "crop_mm"),
    pixel_mm: Annotated[float, flag(StudyConfig, "pixel_mm")] = default(StudyConfig, "pixel_mm"),
    nan_to_zero: Annotated[bool, flag(ReadConfig, "nan_to_zero")] = default(
        ReadConfig, "nan_to_zero"
    ),
    assume_same_grid: Annotated[bool, flag(ReadConfig, "assume_same_grid")] = default(
        ReadConfig, "assume_same_grid"
    ),
    seed: Annotated[int, flag(RunConfig, "seed")] = default(RunConfig, "seed"),
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Make a blinded page on which raters look for the synthetic lesion of each case.

    CASES.tsv has the columns case (a name), t1w and flair (images with the synthetic lesion; one is enough), real and
    synthetic (masks), and, where a mask has several labels, real_label and synthetic_label. Paths are relative to
    it. Give raters the folder "raters" only; manifest.json and key.json are for you and for brainfill study score.
    """
    config = StudyConfig(
        candidates=candidates,
        free=free,
        pick=pick,
        contrast=contrast,
        convention=convention,
        crop_mm=crop_mm,
        pixel_mm=pixel_mm,
    )
    read = ReadConfig(nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    request = StudyRequest(cases, config, seed, read)
    check_inputs([cases])
    inputs = [cases, *(path for case in case_files(cases, config) for path in case.files)]
    outputs = {name: out / name for name in (PAGE, README, KEY, MANIFEST)}
    if dry_run:
        typer.echo(json.dumps(_resolved(request, inputs, outputs), indent=2))
        return
    with new_folders([path.parent for path in outputs.values()]):
        check_outputs(list(outputs.values()), inputs, force=force)
        with talking(quiet=quiet, verbose=verbose) as talk:
            result = run_study(request, talk.progress, talk.warn)
            facts = result.facts
            _write(result.files, outputs)
            talk.detail(
                f"{facts['Questions']} questions about {facts['Lesions']} lesions of {facts['Cases']} cases; "
                f"key sealed with SHA-256 {facts['KeySHA256']}"
            )
    summary = {"Outputs": [str(path) for path in outputs.values()], **facts}
    typer.echo(json.dumps(summary, indent=2) if as_json else "\n".join(summary["Outputs"]))


@app.command("score", epilog=examples(*_SCORE))
def score(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="folder of the study")],
    answers: Annotated[
        list[Path], typer.Argument(metavar="ANSWERS.json...", help="files the raters saved")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="table of the raters, .tsv; with all choices as .json"),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Score the answers of one or more raters.

    For each rater: hits and hit rate with its Wilson interval (95 %), what guessing gives (chance), and how likely
    guessing gives at least or at most that many hits; for several raters their kappa. Missing answers are counted, never
    guessed. The key must be the one that was sealed when the study was made.
    """
    if not folder.is_dir():
        msg = f"there is no folder '{folder}'"
        raise InputMissingError(msg, "give the folder that brainfill study make wrote")
    check_inputs([folder / KEY, folder / MANIFEST, *answers])
    outputs = []
    if out:
        outputs = [out, out.with_suffix(".json")]
        if out.suffix != ".tsv":
            msg = f"output '{out}' must end in .tsv"
            raise ConfigError(msg, f"for example {out.stem}.tsv")
        kept = [folder / KEY, folder / MANIFEST, *answers]
        check_outputs(outputs, kept, force=force)
    result = run_score(folder, answers)
    if out:
        _write_score(result.tables["raters"], result.facts, outputs)
    if as_json:
        typer.echo(json.dumps(dict(result.facts), indent=2, ensure_ascii=False))
    else:
        typer.echo(str(out) if out else _shown(result.tables["raters"], result.facts))


def _resolved(
    request: StudyRequest, inputs: Sequence[Path], outputs: Mapping[str, Path]
) -> dict[str, Any]:
    return {
        "inputs": [str(path) for path in inputs],
        "outputs": [str(path) for path in outputs.values()],
        "options": to_dict(request.config) | {"seed": request.seed} | to_dict(request.read),
    }


def _write(files: Mapping[str, bytes], outputs: Mapping[str, Path]) -> None:
    from brainfill.io.atomic import replacing

    with all_or_none(outputs.values()):
        for name, contents in files.items():
            with replacing(outputs[name]) as temporary:
                temporary.write_bytes(contents)


def _write_score(
    rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], outputs: Sequence[Path]
) -> None:
    from brainfill.io.sidecar import write_sidecar
    from brainfill.io.tables import write_table

    with all_or_none(outputs):
        write_table(rows, outputs[0])
        write_sidecar(facts, outputs[1])


def _shown(rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> str:
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    lines += ["", facts["Form"], f"test: {facts['Test']}"]
    if "Agreement" in facts:
        kappa, n = _cell(facts["Kappa"]), facts["KappaQuestions"]
        lines.append(f"{facts['Agreement']}: {kappa}, on the {n} questions all raters answered")
    return "\n".join(lines)


def _cell(value: str | float | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
