"""`brainfill preprocess`: reads a scan, takes it through a chain of steps, writes every product."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from brainfill.api import (
    PreprocessRequest,
    ReadConfig,
    page,
    preprocess_report_part,
    run_preprocess,
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
from brainfill.cli.progress import Talk, talking
from brainfill.core.config import to_dict
from brainfill.io.atomic import all_or_none
from brainfill.io.sidecar import beside
from brainfill.tasks._device import RunConfig
from brainfill.tasks.preprocess import PreprocessConfig, plan, product_names

if TYPE_CHECKING:
    from brainfill.tasks._base import Result

RECORD, PAGE = "desc-preproc.json", "desc-preproc.html"

EXAMPLES = examples(
    "brainfill preprocess T1.nii.gz -o DIR --mask MASK.nii.gz",
    "brainfill preprocess T1.nii.gz -o DIR --preset l2i --flair FLAIR.nii.gz",
    "brainfill preprocess T1.nii.gz -o DIR --steps skullstrip,n4 --set n4.shrink=6",
)


def command(
    t1: Annotated[Path, typer.Argument(metavar="T1", help="T1-weighted image")],
    out: Annotated[Path, typer.Option("--out", "-o", help="folder for the products")],
    mask: Annotated[
        Path | None, typer.Option("--mask", "-m", "-l", "--lesion-mask", help="lesion mask")
    ] = None,
    flair: Annotated[Path | None, typer.Option("--flair", help="FLAIR of the person")] = None,
    t2: Annotated[Path | None, typer.Option("--t2", help="T2-weighted image")] = None,
    t1ce: Annotated[Path | None, typer.Option("--t1ce", help="T1 with contrast agent")] = None,
    preset: Annotated[
        Literal["fill", "l2i", "uhr", "brats"], flag(PreprocessConfig, "preset")
    ] = default(PreprocessConfig, "preset"),
    steps: Annotated[str, flag(PreprocessConfig, "steps", metavar="A,B,...")] = "",
    skullstrip: Annotated[
        str, flag(PreprocessConfig, "skullstrip", metavar="BACKEND|FILE", values=values.STRIPPERS)
    ] = default(PreprocessConfig, "skullstrip"),
    weights: Annotated[str, flag(PreprocessConfig, "weights", metavar="FOLDER")] = default(
        PreprocessConfig, "weights"
    ),
    template: Annotated[str, flag(PreprocessConfig, "template", metavar="NAME|FILE")] = default(
        PreprocessConfig, "template"
    ),
    transform: Annotated[
        Literal["rigid", "affine", "syn"], flag(PreprocessConfig, "transform")
    ] = default(PreprocessConfig, "transform"),
    set_: Annotated[
        list[str], flag(PreprocessConfig, "settings", "--set", metavar="STEP.KEY=VALUE")
    ] = default(PreprocessConfig, "settings"),
    work: Annotated[
        Path | None, typer.Option("--work", help="folder that keeps the files of registrations")
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
    """Strip the skull, correct the bias field, register to MNI, and more, by presets or single steps.

    Other contrasts are registered rigidly to the T1 first, unless they lie on its grid. Files have BIDS-derivative
    names: without "space-" on the grid before registration, with "space-orig" on the grid of T1 where that differs.
    """
    others = {"FLAIR": flair, "T2w": t2, "T1ce": t1ce}
    config = PreprocessConfig(
        preset=preset,
        steps=tuple(s.strip() for s in steps.split(",") if s.strip()),
        skullstrip=skullstrip,
        weights=weights,
        template=template,
        transform=transform,
        settings=tuple(set_),
    )
    run = RunConfig(seed=seed, device=device, threads=threads, deterministic=deterministic)
    read = ReadConfig(label=label, nan_to_zero=nan_to_zero, assume_same_grid=assume_same_grid)
    given = {name: path for name, path in others.items() if path}
    request = PreprocessRequest(t1, mask, given, config, run, read, work)
    plan(config)
    inputs = [Path(str(p)) for p in request.inputs] + _named_files(config)
    check_inputs(inputs)
    outputs = planned_outputs(request, out, subject(t1), report=report)
    if out.is_dir():
        check_outputs(list(outputs.values()), inputs, force=force)
    if dry_run:
        typer.echo(json.dumps(_resolved(request, outputs), indent=2))
        return
    folders = [out, *([work] if work else [])]
    with new_folders(folders), talking(quiet=quiet, verbose=verbose) as talk:
        check_outputs(list(outputs.values()), inputs, force=force)
        written, facts = _preprocess(request, outputs, talk)
    summary = {"Outputs": [str(p) for p in written], **facts}
    typer.echo(json.dumps(summary, indent=2) if as_json else "\n".join(map(str, written)))


def subject(t1: Path) -> str:
    """What the products' names begin with: that of the T1, without its suffix, space and description.

    >>> subject(Path("sub-01_ses-2_space-orig_T1w.nii.gz")), subject(Path("scan.nii"))
    ('sub-01_ses-2', 'scan')
    """
    parts = beside(t1, "").name.split("_")
    kept = [p for p in parts if p != "T1w" and not p.startswith(("space-", "desc-"))]
    return "_".join(kept) or "scan"


def planned_outputs(
    request: PreprocessRequest, out: Path, name: str, *, report: bool = False
) -> dict[str, Path]:
    """Every file the command may write, by product name; images come with a JSON."""
    contrasts = ["T1w", *request.others]
    products = product_names(request.config, contrasts, lesion=request.mask is not None)
    paths = {product: out / f"{name}_{product}" for product in products}
    images = [p for p in paths if _is_image(p)]
    sidecars = {_json_of(p): out / f"{name}_{_json_of(p)}" for p in images}
    last = [RECORD, PAGE] if report else [RECORD]
    return paths | sidecars | {product: out / f"{name}_{product}" for product in last}


def _named_files(config: PreprocessConfig) -> list[Path]:
    """Files that settings name: the user's own brain mask and template."""
    from brainfill.preprocess.steps.skullstrip import is_file

    usual = default(PreprocessConfig, "template")
    files = [config.template] if config.template != usual else []
    return [Path(f) for f in [*files, *([config.skullstrip] if is_file(config.skullstrip) else [])]]


def _json_of(product: str) -> str:
    return product.removesuffix(".nii.gz") + ".json"


def _is_image(product: str) -> bool:
    return product.endswith(".nii.gz") and "_xfm" not in product


def _resolved(request: PreprocessRequest, outputs: dict[str, Path]) -> dict[str, Any]:
    return {
        "inputs": [str(p) for p in request.inputs],
        "outputs": [str(p) for p in outputs.values()],
        "steps": [{"step": n, "settings": to_dict(s)} for n, s in plan(request.config)],
        "options": to_dict(request.run) | to_dict(request.read) | to_dict(request.config),
    }


def _preprocess(
    request: PreprocessRequest, outputs: dict[str, Path], talk: Talk
) -> tuple[list[Path], dict[str, Any]]:
    began = time.monotonic()
    result, facts = run_preprocess(request, talk.progress, talk.warn)
    talk.progress("writing", 0, 1)
    facts |= runtime(began, request.run)
    written = _write(request, result, facts, outputs)
    talk.progress("writing", 1, 1)
    for record in facts["Steps"]:
        figures = {k: v for k, v in record.items() if k not in ("Step", "Settings")}
        talk.detail(f"{record['Step']}: {json.dumps(figures)}")
    return written, facts


def _write(
    request: PreprocessRequest, result: Result, facts: dict[str, Any], outputs: Mapping[str, Path]
) -> list[Path]:
    """Write every product, or leave no new ones behind; remove older ones that are none now."""
    from brainfill.io.atomic import replacing
    from brainfill.io.nifti import write_map
    from brainfill.io.sidecar import write_sidecar

    last = [name for name in (RECORD, PAGE) if name in outputs]
    written = [outputs[name] for name in (*result.volumes, *result.files, *last)]
    with all_or_none(outputs.values()):
        for name, volume in result.volumes.items():
            write_map(_bare(volume), volume.data, outputs[name])
            write_sidecar(_about(name, facts), outputs[_json_of(name)])
        for name, contents in result.files.items():
            with replacing(outputs[name]) as temporary:
                temporary.write_bytes(contents)
        write_sidecar(facts, outputs[RECORD])
        if PAGE in outputs:
            part = preprocess_report_part(request, result, facts)
            write_page(page(subject(Path(str(request.t1))), [part], command_line()), outputs[PAGE])
    kept = {*written, *(outputs[_json_of(name)] for name in result.volumes)}
    for path in set(outputs.values()) - kept:
        path.unlink(missing_ok=True)
    return written


def _bare(volume: Any) -> Any:  # noqa: ANN401 - any volume
    from brainfill.core.volume import Volume

    return Volume(volume.data, volume.grid)


def _about(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The JSON of one image, as BIDS has it."""
    stripped = any(r["Step"] == "skullstrip" for r in facts["Steps"])
    space = name.partition("_")[0].removeprefix("space-") if name.startswith("space-") else "T1w"
    kind = {"desc-brain_mask": "Brain", "label-lesion_mask": "Lesion"}
    about = {"Sources": facts["Sources"], "SpatialReference": space, "Record": RECORD}
    for word, value in kind.items():
        if word in name:
            return {"Type": value, **about}
    return {"SkullStripped": stripped, **about}
