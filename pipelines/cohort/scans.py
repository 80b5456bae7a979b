"""What the Snakefile asks of brainfill: the scans of a dataset, what is left to do for each, and the commands that do it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

MNI = "MNI152NLin2009aSym"
STEPS = ("preprocess", "fill", "smooth", "thickness", "compare")
# Jobs of their own, because they want other machines; steps as brainfill names them in what is left to do.
STAGES = {
    "preprocess": ("preprocess",),
    "fill": ("fill", "smooth", "spaces"),
    "thickness": ("unfilled", "thickness", "compare"),
}
_KEYS = {
    "bids_dir": "",
    "out_dir": "",
    "command": "brainfill bids",
    "steps": ["fill"],
    "output_spaces": ["T1w"],
    "participants": [],
    "sessions": [],
    "derivatives": [],
    "bids_filter_file": "",
    "options": "",
    "threads": 4,
}
# By these the scans of a person differ; a name without one is asked for without it.
# Exit code of brainfill where some scans cannot be done; the plan says which.
_SOME_CANNOT = 75
_ENTITIES = ("ses", "acq", "rec", "run", "ce", "dir", "echo", "inv", "part", "chunk")


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The workflow's settings, with defaults for those that are not given.

    Raises:
        ValueError: one is unknown, or has no default and is not given.
    """
    if unknown := set(config) - set(_KEYS):
        msg = f"config: unknown {', '.join(sorted(unknown))}; known: {', '.join(_KEYS)}"
        raise ValueError(msg)
    for key in ("bids_dir", "out_dir"):
        if not config.get(key):
            msg = (
                f"config: no {key}; for example --config bids_dir=RAW out_dir=OUT, or --configfile"
            )
            raise ValueError(msg)
    found = {**_KEYS, **config}
    for key, default in _KEYS.items():
        if isinstance(default, list) and not isinstance(found[key], list):
            found[key] = str(found[key]).replace(",", " ").split()
    if "fill" not in found["steps"] or (unknown := set(found["steps"]) - set(STEPS)):
        msg = f"config: steps are {found['steps']}; expected fill, and others of {', '.join(STEPS)}"
        raise ValueError(msg)
    return found


def stages(config: Mapping[str, Any]) -> list[str]:
    """The stages that are wanted, in order.

    >>> stages({"steps": ["fill", "smooth", "preprocess"]})
    ['preprocess', 'fill']
    """
    return [s for s, steps in STAGES.items() if set(steps) & set(config["steps"])]


def product(stage: str, config: Mapping[str, Any]) -> str:
    """The name of the file that brainfill writes last in a stage, after the name of the scan.

    >>> product("fill", {"steps": ["fill", "smooth"], "output_spaces": ["T1w"]})
    'desc-smoothed_T1w.nii.gz'
    """
    if stage == "preprocess":
        return f"space-{MNI}_desc-preproc_T1w.nii.gz"
    if stage == "thickness":
        return "desc-filled_thickness.tsv"  # of a comparison, scans without lesions have no file
    image = f"desc-{'smoothed' if 'smooth' in config['steps'] else 'filled'}_T1w.nii.gz"
    return f"space-{MNI}_{image}" if MNI in config["output_spaces"] else image


def group_call(config: Mapping[str, Any]) -> str:
    """The shell command that writes the table of the group."""
    words = _words(config, "group", config["participants"])
    return shlex.join([*words, *_filtered(config["bids_filter_file"])])


def stage_call(stage: str, scan: str, config: Mapping[str, Any]) -> str:
    """The shell command of one scan's job: its steps up to the end of a stage; those that are done stay.

    Args:
        stage: its name.
        scan: as "sub-01/anat/sub-01", where its outputs lie.
        config: `settings`.
    """
    key = PurePosixPath(scan).name
    label = key.split("_")[0]
    file = f"{config['out_dir']}/.brainfill/cohort/{key}.json"
    chosen = json.dumps(scan_filter(key, _read(config["bids_filter_file"])))
    words = [*_words(config, "participant", [label]), *_steps(stage, config), *_filtered(file)]
    folder, path = shlex.quote(str(Path(file).parent)), shlex.quote(file)
    return f"mkdir -p {folder} && printf %s {shlex.quote(chosen)} > {path} && {shlex.join(words)}"


def scan_filter(key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A filter that leaves one scan of a person.

    Args:
        key: what the names of its outputs begin with.
        given: the filter of the user.

    >>> scan_filter("sub-01_ses-2_run-1", {"lesion": {"desc": "L"}})["t1w"]["run"]
    '1'
    """
    own = dict(word.split("-", 1) for word in key.split("_") if "-" in word)
    t1w = {**given.get("t1w", {}), **{entity: own.get(entity) for entity in _ENTITIES}}
    return {**given, "t1w": t1w}


def look(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The stages each scan has something left to do in, by scan; brainfill finds the scans and reads its records.

    Raises:
        ValueError: brainfill refuses the dataset or an option, with its own sentence.
    """
    last = stages(config)[-1]
    words = [*_words(config, "participant", config["participants"]), *_steps(last, config)]
    words += [*_filtered(config["bids_filter_file"]), "--omp-nthreads", "1", "--dry-run"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - the user's own command
    if done.returncode not in (0, _SOME_CANNOT):
        msg = f"{shlex.join(words)}\n{done.stderr.strip()}"
        raise ValueError(msg)
    plan = json.loads(done.stdout)
    if plan["options"]["on_empty"] == "skip":
        msg = (
            "on-empty skip leaves a scan without the file the workflow waits for; take copy or fail"
        )
        raise ValueError(msg)
    return {_place(scan["scan"]): _left(scan, config) for scan in plan["scans"]}


def remember(scans: Mapping[str, Sequence[str]], config: Mapping[str, Any], folder: Path) -> None:
    """Tell Snakemake, which goes by age, what brainfill's records say.

    Each scan has a file in each stage: newer than all outputs where something is left to do, else of 1970.
    """
    for scan, todo in scans.items():
        for stage in stages(config):
            path = folder / stage / PurePosixPath(scan).name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{time.time_ns()}\n" if stage in todo else "")
            if stage not in todo:
                os.utime(path, (0, 0))


def _words(config: Mapping[str, Any], level: str, labels: Sequence[str]) -> list[str]:
    words = [*shlex.split(config["command"]), config["bids_dir"], config["out_dir"], level]
    for option, values in (
        ("--participant-label", labels),
        ("--session-label", config["sessions"]),
        ("--derivatives", config["derivatives"]),
    ):
        words += [option, *map(str, values)] if values else []
    return words + shlex.split(config["options"])


def _steps(stage: str, config: Mapping[str, Any]) -> list[str]:
    """The steps up to the end of a stage, those before it included: some options of a step hang on others."""
    reached = list(STAGES)[: list(STAGES).index(stage) + 1]
    steps = [s for s in STEPS if s in config["steps"] and any(s in STAGES[r] for r in reached)]
    spaces = ["--output-spaces", *config["output_spaces"]] if "fill" in reached else []
    return ["--steps", ",".join(steps), *spaces]


def _filtered(file: str) -> list[str]:
    return ["--bids-filter-file", file] if file else []


def _read(file: str) -> dict[str, Any]:
    return json.loads(Path(file).read_text(encoding="utf-8")) if file else {}


def _place(image: str) -> str:
    """Where a scan's outputs lie, as "sub-01/ses-2/anat/sub-01_ses-2"."""
    key = Path(image).name.removesuffix(".gz").removesuffix(".nii").removesuffix("_T1w")
    folders = [word for word in key.split("_") if word.startswith(("sub-", "ses-"))]
    return "/".join([*folders, "anat", key])


def _left(scan: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """The stages a scan has something left in; all if it has failed, to hear why once more."""
    if "failed" in scan:
        return stages(config)
    return [s for s in stages(config) if set(STAGES[s]) & set(scan["todo"])]
