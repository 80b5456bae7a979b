"""What a run over a dataset may be told, by flags or by a TOML file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from brainfill.core.config import LOWEST_LABEL, MOST_LABEL, MOST_SEED, check_ranges, option
from brainfill.core.context import cores
from brainfill.core.documents import read_toml
from brainfill.core.errors import ConfigError
from brainfill.core.registry import did_you_mean

PREPROCESS, FILL, SMOOTH = "preprocess", "fill", "smooth"
THICKNESS, COMPARE = "thickness", "compare"
STEPS = (PREPROCESS, FILL, SMOOTH, THICKNESS, COMPARE)
# Steps that others bring along: the joined mask, fills in MNI space, thickness of the scan as it was.
LESION, SPACES, UNFILLED = "lesion", "spaces", "unfilled"
NATIVE, MNI = "T1w", "MNI152NLin2009aSym"
_PERSON_GB = (
    2.0  # one person's process at 1 mm takes up to 1.2 GB, 1.7 GB where thickness is measured
)


@dataclass(frozen=True, kw_only=True)
class BidsConfig:
    """Which people, which steps, and how many at once.

    Raises:
        ConfigError: a number out of range, an unknown step or space, or one that lacks another step.
    """

    participant_label: tuple[str, ...] = option(
        (), "people, with or without sub-; all of them without it"
    )
    session_label: tuple[str, ...] = option(
        (), "sessions, with or without ses-; all of them without it"
    )
    bids_filter_file: str = option(
        "", 'JSON of entities, as {"t1w": {"acquisition": "mprage"}, "lesion": {...}}'
    )
    derivatives: tuple[str, ...] = option(
        (),
        "dataset with lesion masks, as FOLDER or NAME=FOLDER; without it, all in BIDS_DIR/derivatives",
    )
    share_masks: bool = option(
        False, "use a lesion mask whose name says no session for every session of the person"
    )
    label: int | None = option(
        None,
        "the lesion's number, where masks have several labels",
        low=LOWEST_LABEL,
        high=MOST_LABEL,
    )
    nan_to_zero: bool = option(False, "read voxels that are NaN or infinite as 0")
    assume_same_grid: bool = option(
        False, "take masks of the shape of their scan voxel by voxel, whatever their header says"
    )
    steps: tuple[str, ...] = option(("fill",), f"of {', '.join(STEPS)}; with commas between them")
    output_spaces: tuple[str, ...] = option(
        (NATIVE,), f"where fills are written: {NATIVE}, and {MNI} with the step preprocess"
    )
    skull_strip: Literal["auto", "skip", "force"] = option(
        "auto",
        "of preprocess: auto strips heads, skip believes that scans are stripped, force strips all",
    )
    on_empty: Literal["copy", "skip", "fail"] = option(
        "copy",
        "a person whose lesion mask is empty: the scan is copied, or the person skipped, or failed",
    )
    method: str = option("diffusion", "how to fill; see: brainfill list fillers")
    model: str = option("t1-fill", "model that fills: a name or a folder")
    quality: Literal["fast", "balanced", "best"] = option(
        "balanced", "effort of the model's best guess"
    )
    dilate: float | Literal["auto"] = option(
        "auto",
        "auto judges for each lesion how far it reaches beyond the mask; a number grows the mask by so much, by a voxel "
        "at least, inside the head only",
        unit="mm",
        low=0,
        high=20,
    )
    smooth_if: float = option(
        1.2, "smooth fills whose stripe index is above this", low=0.0, high=100.0
    )
    thickness_backend: Literal[
        "direct", "ants", "antspynet", "dldirect", "fastsurfer", "freesurfer"
    ] = option("direct", "who measures thickness; see: brainfill list backends")
    thickness_settings: tuple[str, ...] = option(
        (), "settings of who measures thickness, such as segmenter=atropos direct.iterations=20"
    )
    thickness_mask: bool = option(
        True,
        "tell who measures thickness where lesions are, with those backends that can leave them out of fits",
    )
    report: bool = option(True, "write a page (.html) for each scan, which shows the result")
    random_seed: int = option(0, "start of every random draw", low=0, high=MOST_SEED)
    deterministic: bool = option(
        False,
        "network and ANTs in one thread, in variants that are reproducible: the same bytes every time",
    )
    device: str = option("auto", "where the network runs: auto, cpu, cuda (or cuda:1) or mps")
    n_procs: int = option(1, "people at the same time", low=1, high=1024)
    omp_nthreads: int = option(
        0, "CPU threads of each; 0 divides this machine's cores among them", low=0, high=1024
    )
    mem_gb: float = option(
        0.0,
        f"memory for all; {_PERSON_GB:g} GB are left to each person, 0 is no limit",
        unit="GB",
        low=0.0,
        high=65_536,
    )
    work_dir: str = option("", "folder of unfinished files; OUT_DIR/.brainfill/work without it")
    stop_on_first_crash: bool = option(False, "end everything once one person failed")
    skip_bids_validation: bool = option(False, "do not ask BIDS_DIR for a dataset_description.json")

    def __post_init__(self) -> None:
        check_ranges(self)
        for step in self.steps:
            if step not in STEPS:
                msg = f"unknown step '{step}'; known: {', '.join(STEPS)}"
                raise ConfigError(msg, did_you_mean(step, list(STEPS)))
        if not self.steps:
            msg = "no step is given"
            raise ConfigError(msg, f"--steps takes some of {', '.join(STEPS)}")
        for space in self.output_spaces:
            if space not in (NATIVE, MNI):
                msg = f"unknown output space '{space}'; known: {NATIVE}, {MNI}"
                raise ConfigError(msg, did_you_mean(space, [NATIVE, MNI]))
        if 0 < self.mem_gb < _PERSON_GB:
            msg = f"--mem-gb {self.mem_gb:g} is less than one person takes, {_PERSON_GB:g} GB"
            raise ConfigError(msg, "leave it out to run one person whatever it takes")

    @property
    def at_once(self) -> int:
        """How many people run at the same time."""
        room = int(self.mem_gb // _PERSON_GB) if self.mem_gb else self.n_procs
        return min(self.n_procs, room)

    @property
    def threads(self) -> int:
        """CPU threads of each person's process."""
        return self.omp_nthreads or max(1, cores() // self.at_once)


def read_settings(path: Path) -> dict[str, Any]:
    """A config file: fields of `BidsConfig`, with - or _ between words.

    Raises:
        InputMissingError: the file cannot be read.
        DataError: it is not TOML.
    """
    return {key.replace("-", "_"): value for key, value in read_toml(path).items()}


def in_order(config: BidsConfig) -> BidsConfig:
    """The config with its steps in the order they are run."""
    return replace(config, steps=tuple(s for s in STEPS if s in config.steps))
