"""What the training loop knows of anything that is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from brainfill.bundles.store import Model

Example = dict[str, Tensor]


class Turn(NamedTuple):
    """One step of one optimiser.

    Args:
        optimizer: moves its own parameters and no others.
        loss: computes a scalar, once the turns before it are done.
        name: of the loss, in what is said of the run.
    """

    optimizer: torch.optim.Optimizer
    loss: Callable[[], Tensor]
    name: str = "loss"


class Learner(Protocol):
    """Networks in training: where their examples come from, what they lose, and in which order they move."""

    @property
    def model(self) -> Model:
        """What a bundle will hold; its network is `net` or a part of it."""

    @property
    def net(self) -> nn.Module:
        """Everything a run must remember, parameters and buffers of all networks."""

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Of the Adam family, each with parameters of its own; the rate of each is that at its peak."""

    def examples(self) -> Callable[[np.random.Generator], Example]:
        """A function that draws one example, without the networks, for it may run in other processes."""

    def turns(self, batch: Example, rng: np.random.Generator) -> Sequence[Turn]:
        """What one step of training does.

        Args:
            batch: examples stacked along a first dimension, on the device of the networks.
            rng: source of all draws; those of torch come from a generator seeded after this call.
        """

    def facts(self) -> Mapping[str, Any]:
        """Fields of a bundle's card that the data tell."""


class Pack(Protocol):
    """Data that a learner reads."""

    @property
    def names(self) -> Sequence[str]:
        """One per scan."""

    @property
    def spacing_mm(self) -> float:
        """Voxel size."""
