"""A way from noise to an image: the plan, the levels it visits and the sampler that takes its moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from brainfill.core.config import check_ranges, from_dict, option
from brainfill.core.errors import ConfigError
from brainfill.core.registry import load
from brainfill.diffusion.denoiser import preserving
from brainfill.diffusion.grids import GridName, grid_levels
from brainfill.diffusion.levels import CLEAN, Level, Schedule
from brainfill.diffusion.plans import Move, denoise, encode_decode, repaint
from brainfill.diffusion.sample import Sampler

SAMPLERS = "brainfill.diffusion.samplers"


@dataclass(frozen=True, kw_only=True)
class WalkConfig:
    """Options of a walk.

    Raises:
        ConfigError: a number out of range, or ratios that do not fall or are given beside a grid.
    """

    plan: Literal["denoise", "repaint", "encode"] = option(
        "denoise", "straight down, down with jumps back up, or up to the noise and back"
    )
    grid: GridName = option("own", "levels visited; own is what the model's schedule proposes")
    steps: int = option(10, "denoising steps, of an encoding also those up", low=1, high=1000)
    start: float = option(
        1.0,
        "time of the noisiest level; below 1 an image is noised and drawn anew",
        low=1e-3,
        high=1.0,
    )
    ratios: tuple[float, ...] = option(
        (),
        "noise-to-signal ratios to visit, noisiest first, in place of a grid",
        low=1e-3,
        high=1e3,
    )
    jump: int = option(10, "repaint: levels climbed at a time", low=1, high=1000)
    repeats: int = option(10, "repaint: how often each stretch is walked down", low=1, high=100)
    last_x0_steps: int = option(
        0, "last moves that give the clean estimate itself, not a sample", low=0, high=1000
    )
    sampler: str = option("ddim", "who takes the moves")
    sampler_options: dict[str, Any] = option({}, "options of the sampler, such as eta")

    def __post_init__(self) -> None:
        check_ranges(self)
        if list(self.ratios) != sorted(set(self.ratios), reverse=True):
            msg = f"ratios must fall, got {self.ratios}"
            raise ConfigError(msg)
        if self.ratios and (self.grid != "own" or self.start != 1.0):
            msg = "ratios say every level, and a grid or a start says others"
            raise ConfigError(msg, "leave one of them out")


class Walk(NamedTuple):
    """Moves, and who takes them."""

    moves: list[Move]
    sampler: Sampler


def build_walk(config: WalkConfig, schedule: Schedule) -> Walk:
    """The walk through levels of a network trained with `schedule`.

    Raises:
        ConfigError: there is no such sampler, or it has no such option.
    """
    module = load(SAMPLERS, config.sampler)
    options = from_dict(module.Config, config.sampler_options, "sampler_options.")
    return Walk(_moves(config, schedule), module.build(options))


def _moves(config: WalkConfig, schedule: Schedule) -> list[Move]:
    if config.plan == "encode":
        moves = encode_decode(_levels(config, schedule, config.steps + 1))
    elif config.plan == "repaint":
        levels = _levels(config, schedule, config.steps)
        moves = repaint(levels, config.jump, config.repeats)
    else:
        moves = denoise(_levels(config, schedule, config.steps))
    first = len(moves) - config.last_x0_steps
    return [m._replace(kind="estimate") if i >= first else m for i, m in enumerate(moves)]


def _levels(config: WalkConfig, schedule: Schedule, noisy: int) -> list[Level]:
    if config.ratios:
        return [*(preserving(Level(1.0, ratio)) for ratio in config.ratios), CLEAN]
    return grid_levels(config.grid, schedule, noisy, config.start)
