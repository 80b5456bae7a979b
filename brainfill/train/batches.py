"""Batches of training examples, prepared in other processes and each used a few times.

A first fill by patches takes longer than a training step, so examples are worth keeping for a while.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from brainfill.models._base import FamilyConfig
from brainfill.train.config import TrainConfig
from brainfill.train.examples import draw_example
from brainfill.train.pack import Pack


@dataclass(frozen=True)
class _Examples(Dataset[Tensor]):
    """Endless examples by number, so that worker processes can share the work."""

    pack: Pack
    model: FamilyConfig
    config: TrainConfig
    rank: int

    def __getitem__(self, number: int) -> Tensor:
        rng = np.random.default_rng([self.config.seed, self.rank, 0, number])
        return draw_example(self.pack, self.model, self.config.masks, self.config.augment, rng)


def draw_batches(
    pack: Pack, model: FamilyConfig, config: TrainConfig, size: int, rank: int, first_step: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Image, hole and first fill of each step from `first_step` on, each (size, C, D, H, W).

    Step s draws from the last `config.pool` of the first `pool + s * size / reuse` examples: which
    examples it sees depends on the seed, the rank and the step alone, whoever prepared them.
    """
    keep = max(config.pool, size)
    made = first_step * size // config.reuse
    loader = iter(
        DataLoader(
            _Examples(pack, model, config, rank),
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
        batch = torch.stack([pool[i] for i in chosen.tolist()])
        yield batch[:, :1], batch[:, 1:2], batch[:, 2:]
