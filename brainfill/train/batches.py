"""Batches of training examples, prepared in other processes and each used a few times.

A first fill by patches takes longer than a training step, so examples are worth keeping for a while.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from brainfill.lesions.paint import Profile
from brainfill.models._config import FamilyConfig
from brainfill.train.config import LoopConfig, TrainConfig
from brainfill.train.examples import draw_example
from brainfill.train.lesioned import LesionedPack, profiles
from brainfill.train.lesioned_examples import draw_lesioned
from brainfill.train.pack import Pack


@dataclass(frozen=True)
class _Examples(Dataset[Tensor]):
    """Endless examples by number, so that worker processes can share the work."""

    draw: Callable[[np.random.Generator], Tensor]
    seed: int
    rank: int

    def __getitem__(self, number: int) -> Tensor:
        return self.draw(np.random.default_rng([self.seed, self.rank, 0, number]))


def draw_batches(
    pack: Pack | LesionedPack,
    model: FamilyConfig,
    config: TrainConfig,
    size: int,
    rank: int,
    first_step: int,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Image, hole and first fill of each step from `first_step` on, each (size, C, D, H, W)."""
    if isinstance(pack, LesionedPack):
        draw = partial(_lesioned, pack, profiles(pack), model, config)
    else:
        draw = partial(_drawn, pack, model, config)
    contrasts = len(model.contrasts)
    for batch in pooled(draw, config, size, rank, first_step):
        image, hole, first = batch.tensor_split([contrasts, contrasts + 1], dim=1)
        yield image, hole, first


def pooled(
    draw: Callable[[np.random.Generator], Tensor],
    config: LoopConfig,
    size: int,
    rank: int,
    first_step: int,
) -> Iterator[Tensor]:
    """Examples of each step from `first_step` on, (size, ...).

    Step s draws from the last `config.pool` of the first `pool + s * size / reuse` examples: which
    examples it sees depends on the seed, the rank and the step alone, whoever prepared them.
    """
    keep = max(config.pool, size)
    made = first_step * size // config.reuse
    loader = iter(
        DataLoader(
            _Examples(draw, config.seed, rank),
            batch_size=None,
            sampler=itertools.count(made),
            num_workers=config.workers,
            prefetch_factor=8 if config.workers else None,
        )
    )
    pool: deque[Tensor] = deque(maxlen=keep)
    for step in itertools.count(first_step):
        while made < keep + step * size // config.reuse:
            # A copy of our own: what comes from another process holds one of few file handles.
            pool.append(next(loader).clone())
            made += 1
        rng = np.random.default_rng([config.seed, rank, 2, step])
        chosen = rng.choice(keep, size, replace=False)
        yield torch.stack([pool[i] for i in chosen.tolist()])


def _drawn(
    pack: Pack, model: FamilyConfig, config: TrainConfig, rng: np.random.Generator
) -> Tensor:
    return draw_example(pack, model, config.masks, config.augment, rng)


def _lesioned(
    pack: LesionedPack,
    found: Sequence[Profile],
    model: FamilyConfig,
    config: TrainConfig,
    rng: np.random.Generator,
) -> Tensor:
    return draw_lesioned(pack, found, model, config.lesions, config.augment, rng)
