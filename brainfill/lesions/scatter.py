"""Lesions of other people scattered over tissue, none touching another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainfill.core.errors import DataError
from brainfill.core.grid import BoolArray, FloatArray
from brainfill.core.volume import Mask
from brainfill.lesions.placing import Placed, placed_at_random, random_rotation, turned, with_margin
from brainfill.lesions.pool import Piece

_TURNS = 4  # of one lesion before another one is taken


@dataclass(frozen=True, eq=False)
class Scattered:
    """A lesion that found a place.

    Args:
        piece: whose lesion it is.
        placed: where it is now.
        rotation: (3, 3) by which it was turned.
    """

    piece: Piece
    placed: Placed
    rotation: FloatArray


def scatter(
    pool: Sequence[Piece],
    n: int,
    allowed: Mask,
    inside: float,
    tries: int,
    rng: np.random.Generator,
    *,
    turn: bool,
) -> tuple[BoolArray, list[Scattered]]:
    """Place n lesions of a pool, drawn without replacement, the largest of them first.

    Each is turned at random and gets one of all the places where it fits, all equally likely. One that fits nowhere
    in several turns is replaced by another.

    Args:
        pool: at least n lesions.
        n: how many.
        allowed: where lesions may be.
        inside: least share of the voxels of each that must be there.
        tries: lesions drawn for each place before giving up.
        rng: source of all draws.
        turn: whether lesions are turned.

    Returns:
        bool (X, Y, Z), and the lesions; a voxel at least lies between any two of them.

    Raises:
        DataError: a place was found for fewer than n.
    """
    order = rng.permutation(len(pool)).tolist()
    chosen, spare = order[:n], order[n:]
    chosen.sort(key=lambda i: -pool[i].mask.volume_ml())
    mask, taken = (np.zeros(allowed.grid.shape, bool) for _ in range(2))
    found: list[Scattered] = []
    for first in chosen:
        queue = [first, *spare[: tries - 1]]
        for index in queue:
            one = _tried(pool[index], allowed, taken, inside, rng, turn=turn)
            if one is None:
                continue
            spare = [i for i in spare if i != index]
            mask[one.placed.box.slices] |= one.placed.where
            wide = with_margin(one.placed, allowed.grid.shape)
            taken[wide.box.slices] |= wide.where
            found.append(one)
            break
        else:
            raise _no_place([pool[i] for i in queue], len(found), n, inside)
    return mask, found


def _tried(
    piece: Piece,
    allowed: Mask,
    taken: BoolArray,
    inside: float,
    rng: np.random.Generator,
    *,
    turn: bool,
) -> Scattered | None:
    for _ in range(_TURNS if turn else 1):
        rotation = random_rotation(rng) if turn else np.eye(3)
        shape = turned(piece.mask, rotation, allowed.grid)
        if shape is None:
            continue
        placed = placed_at_random(shape, allowed.data, taken, inside, rng)
        if placed is not None:
            return Scattered(piece, placed, rotation)
    return None


def _no_place(tried: Sequence[Piece], placed: int, n: int, inside: float) -> DataError:
    sizes = [piece.mask.volume_ml() for piece in tried]
    msg = (
        f"found no place for lesion {placed + 1} of {n}: none of {len(sizes)} lesions of {min(sizes):.3g} to "
        f"{max(sizes):.3g} ml fits with {100 * inside:g} % of its voxels where lesions may be, apart from the others"
    )
    return DataError(msg, "ask for fewer or smaller ones (--n, --largest-ml), or lower --inside")
