"""Plans: lists of moves between noise levels, walked by one sampling loop."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from brainfill.diffusion.levels import Level


class Move(NamedTuple):
    """One move from level `now` to level `then`.

    "denoise" and "encode" ask the sampler to follow the network, towards less or more noise;
    "renoise" adds fresh noise without asking the network; "estimate" takes the network's clean
    estimate as it is, for x at `then`.
    """

    now: Level
    then: Level
    kind: Literal["denoise", "renoise", "encode", "estimate"]


def denoise(levels: Sequence[Level]) -> list[Move]:
    """Straight down through `levels`; a partial start (SDEdit) is a shorter list of levels."""
    return [Move(now, then, "denoise") for now, then in pairwise(levels)]


def repaint(levels: Sequence[Level], jump: int, repeats: int) -> list[Move]:
    """Down with jumps back up, so that both sides of the mask border agree.

    Lugmayr et al. 2022, https://arxiv.org/abs/2201.09865. Every `jump` steps the walk climbs `jump` levels, `repeats` - 1 times, before it goes on.

    Args:
        levels: n + 1 levels, noisiest first, ending clean.
        jump: number of levels climbed at a time, at least 1.
        repeats: how often each stretch is walked down, at least 1.
    """
    n = len(levels) - 1
    rising = levels[::-1]  # rising[0] is clean, rising[k] has k steps to go
    left = dict.fromkeys(range(0, n - jump, jump), repeats - 1)
    moves, k = [], n
    while k > 0:
        moves.append(Move(rising[k], rising[k - 1], "denoise"))
        k -= 1
        # A table index counts from the first noisy level, hence k - 1.
        if k > 0 and left.get(k - 1, 0) > 0:
            left[k - 1] -= 1
            for _ in range(jump):
                moves.append(Move(rising[k], rising[k + 1], "renoise"))
                k += 1
    return moves


def encode_decode(levels: Sequence[Level]) -> list[Move]:
    """Up by inverting the sampler, then down the same way (Song et al. 2021, section 4.3).

    https://arxiv.org/abs/2010.02502. The image is taken to be at the smallest noisy level, since no
    noise can be read off a clean one, and is brought back to that level: one more move would be an
    estimate of something cleaner than what was given.

    Args:
        levels: noisiest first, ending clean.
    """
    noisy = levels[:-1]
    up = [Move(now, then, "encode") for now, then in pairwise(noisy[::-1])]
    return up + denoise(noisy)
