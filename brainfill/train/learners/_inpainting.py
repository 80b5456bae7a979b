"""What learners of inpainters share: contrasts that must agree, and one step over a batch of crops."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brainfill.core.errors import ConfigError
from brainfill.models._config import FamilyConfig
from brainfill.models._inpainter import Inpainter
from brainfill.train.config import TrainConfig
from brainfill.train.learners._base import Example, Turn


@dataclass(frozen=True)
class InpaintingLearner:
    """An inpainter that learns from crops with a hole.

    Args:
        model: the inpainter.
        config: how it is trained.
        draw: one crop, its hole, its first fill and doubts: float32 (N + 1 + N + C, D, H, W), and the
            number of each slice if the network is told it.
        optimizers: a single one, over all parameters.
        known: fields of the card.
    """

    model: Inpainter
    config: TrainConfig
    draw: Callable[[np.random.Generator], Tensor]
    optimizers: Sequence[torch.optim.Optimizer]
    known: Mapping[str, Any]

    @property
    def net(self) -> nn.Module:
        """The network."""
        return self.model.net

    def examples(self) -> Callable[[np.random.Generator], Example]:
        """Draws `image`, `hole` and `first`, each (C, D, H, W), and perhaps the `position` of slices (D,)."""
        return partial(_parts, self.draw, self.model.config)

    def turns(self, batch: Example, rng: np.random.Generator) -> list[Turn]:
        """One step at noise levels spread over all of them, and some at the noisiest."""
        image, hole, first = batch["image"], batch["hole"], batch["first"]
        size = len(image)
        # One draw per equal slice of (0, 1] keeps every batch spread over the noise levels.
        times = (np.arange(size) + 1 - rng.random(size)) / size
        t = torch.from_numpy(np.where(rng.random(size) < self.config.noisiest, 1.0, times))
        shape = self.model.code(image).shape
        noise = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)).to(image)
        told = {"position": batch["position"]} if "position" in batch else {}
        loss = partial(self.model.loss, image, first, hole, t, noise, self.config.ring, **told)
        return [Turn(self.optimizers[0], loss)]

    def facts(self) -> Mapping[str, Any]:
        """What is known of the data."""
        return self.known


def _parts(
    draw: Callable[[np.random.Generator], Tensor], model: FamilyConfig, rng: np.random.Generator
) -> Example:
    contrasts = len(model.contrasts)
    image, hole, first = draw(rng).tensor_split([contrasts, contrasts + 1])
    if not model.unet.position:
        return {"image": image, "hole": hole, "first": first}
    return {"image": image, "hole": hole, "first": first[:-1], "position": first[-1, :, 0, 0]}


def expect_contrasts(held: Sequence[str], model: FamilyConfig, data: Path) -> None:
    """Check that data hold the contrasts that a model wants.

    Raises:
        ConfigError: they do not.
    """
    if list(held) != (wanted := list(model.contrasts)):
        msg = f"'{data}' holds {', '.join(held)}, the model wants {', '.join(wanted)}"
        raise ConfigError(
            msg, f"take other data, or --set 'model.contrasts={json.dumps(list(held))}'"
        )
