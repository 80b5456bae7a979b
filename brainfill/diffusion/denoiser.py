"""Denoisers: from a network that predicts noise, image or velocity to an estimate of the clean image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from brainfill.diffusion.levels import STEPS, Level, Schedule

Prediction = Literal["eps", "x0", "v"]


@dataclass(frozen=True)
class Condition:
    """What a network is told besides the noisy tensor.

    Args:
        channels: (B, C, *S), concatenated to it.
        label: class (B,) of each item, `NO_CLASS` (-1) where it is not told.
        position: number of each slice: (B, D) of slabs (B, C, D, H, W), (B,) of single slices.
    """

    channels: Tensor | None = None
    label: Tensor | None = None
    position: Tensor | None = None

    def cut(self, part: slice) -> Condition:
        """What concerns a part of the slices of (B, C, D, H, W)."""
        return Condition(
            None if self.channels is None else self.channels[:, :, part],
            self.label,
            None if self.position is None else self.position[:, part],
        )


class Estimate(NamedTuple):
    """What a denoiser says of a noisy tensor.

    Args:
        clean: estimate of the clean tensor (B, C, *S).
        share: where the logarithm of a step's variance lies between the smallest that is right, 0,
            and the largest, 1, for every value of `clean`; None where the network was not taught to
            tell (learned variance: Nichol and Dhariwal 2021, eq. 15, https://arxiv.org/abs/2102.09672).
    """

    clean: Tensor
    share: Tensor | None = None

    def given(self) -> list[Tensor]:
        """What there is of the two, in order; for what is done to both alike."""
        return [self.clean] if self.share is None else [self.clean, self.share]


class Denoiser(Protocol):
    """Estimates the clean tensor."""

    def __call__(self, x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
        """x (B, C, *S) at `level` to an estimate of the clean x; `turn` counts the moves."""


def predicted_clean(output: Tensor, x: Tensor, level: Level, prediction: Prediction) -> Tensor:
    """Clean estimate from a network output, x at a variance-preserving `level`.

    "eps": Ho et al. 2020, eq. 15, https://arxiv.org/abs/2006.11239; "v": Salimans and Ho 2022,
    appendix D, https://arxiv.org/abs/2202.00512.
    """
    if prediction == "x0":
        return output
    if prediction == "eps":
        return (x - level.sigma * output) / level.alpha
    return level.alpha * x - level.sigma * output


class NetDenoiser:
    """A trained network as a denoiser; the only place that knows its time index and prediction.

    Levels of any schedule are understood: x is rescaled to the variance-preserving level with the
    same noise-to-signal ratio, and the network is told the index of that ratio in its own schedule.

    Args:
        net: x and the condition's channels (B, C + M, *S) at an index (B,) to its prediction (B, C, *S);
            told `label` and `position` by these names where there are any.
        schedule: of its training.
        prediction: what it predicts.
        learned_variance: whether it gives (B, 2 C, *S), the second half the share of the step's
            log-variance, on a scale from -1 to 1.
    """

    def __init__(
        self,
        net: nn.Module,
        schedule: Schedule,
        prediction: Prediction,
        *,
        learned_variance: bool = False,
    ) -> None:
        self.net = net
        self.schedule = schedule
        self.prediction = prediction
        self.learned_variance = learned_variance

    def __call__(self, x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:  # noqa: ARG002 - protocol
        """Estimate of x (B, C, *S) at `level`."""
        own = preserving(level)
        x = x * (own.alpha / level.alpha)
        t = time_index(self.schedule, level, x)
        inputs = x if cond.channels is None else torch.cat([x, cond.channels], dim=1)
        told = {"label": cond.label, "position": cond.position}
        output: Tensor = self.net(inputs, t, **{k: v for k, v in told.items() if v is not None})
        return estimate(output.to(x.dtype), x, own, self.prediction, self.learned_variance)


def time_index(schedule: Schedule, level: Level, x: Tensor) -> Tensor:
    """What a network trained with `schedule` is told of a level: its index, for each item of x (B,)."""
    index = schedule.time(level.ratio) * STEPS - 1
    return torch.full((x.shape[0],), index, dtype=torch.float32, device=x.device)


def estimate(
    output: Tensor, x: Tensor, level: Level, prediction: Prediction, learned_variance: bool
) -> Estimate:
    """What a network output (B, C or 2 C, *S) says of x at a variance-preserving `level`."""
    if not learned_variance:
        return Estimate(predicted_clean(output, x, level, prediction))
    output, spread = output.chunk(2, dim=1)
    return Estimate(predicted_clean(output, x, level, prediction), (spread + 1) / 2)


def preserving(level: Level) -> Level:
    """The level with the same noise-to-signal ratio and alpha^2 + sigma^2 = 1."""
    norm = math.hypot(level.alpha, level.sigma)
    return Level(level.alpha / norm, level.sigma / norm)


def clipped(denoiser: Denoiser, clip: Callable[[Tensor], Tensor]) -> Denoiser:
    """The denoiser with its clean estimate passed through `clip`, such as a clamp to the data range."""

    def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
        said = denoiser(x, level, cond, turn=turn)
        return said._replace(clean=clip(said.clean))

    return run


def averaged(denoisers: Sequence[Denoiser]) -> Denoiser:
    """The mean clean estimate of several denoisers."""

    def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
        total = torch.zeros_like(x)
        for denoiser in denoisers:
            total += denoiser(x, level, cond, turn=turn).clean
        return Estimate(total / len(denoisers))

    return run


def consistent(denoiser: Denoiser, data_sd: float = 0.5, least_ratio: float = 0.002) -> Denoiser:
    """A denoiser that keeps x as it is at the least noise, as a consistency model must.

    Weights of Song et al. 2023, appendix C, https://arxiv.org/abs/2303.01469, around an estimate of
    the clean tensor as in Luo et al. 2023, https://arxiv.org/abs/2310.04378, so that training
    can begin with the weights of any denoiser.

    Args:
        denoiser: what is trained.
        data_sd: standard deviation of the data.
        least_ratio: noise-to-signal ratio at which x is the answer.
    """

    def run(x: Tensor, level: Level, cond: Condition, *, turn: int = 0) -> Estimate:
        above = level.ratio - least_ratio
        keep = data_sd**2 / (above**2 + data_sd**2)
        take = above / math.hypot(above, data_sd)
        said = denoiser(x, level, cond, turn=turn)
        return said._replace(clean=keep * x / level.alpha + take * said.clean)

    return run
