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


@dataclass(frozen=True, eq=False)
class Ground:
    """Where lesions may be laid.

    Args:
        allowed: where lesions may be.
        inside: least share of the voxels of each that must be there.
        forbidden: (X, Y, Z), where none of their voxels may be; nowhere if None.
        chance: (X, Y, Z), how likely a lesion has its middle in each voxel; places are equally likely if None.
    """

    allowed: Mask
    inside: float
    forbidden: BoolArray | None = None
    chance: FloatArray | None = None


def scatter(
    pool: Sequence[Piece],
    n: int,
    ground: Ground,
    tries: int,
    rng: np.random.Generator,
    *,
    turn: bool,
) -> tuple[BoolArray, list[Scattered]]:
    """Place n lesions of a pool, drawn without replacement, the largest of them first.

    Each is turned at random and gets one of all the places where it fits, as likely as `ground.chance` says. One that
    fits nowhere in several turns is replaced by another.

    Args:
        pool: at least n lesions.
        n: how many.
        ground: where they may be.
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
    laid = _Laid(ground)
    for first in chosen:
        queue = [first, *spare[: tries - 1]]
        for index in queue:
            if laid.tried(pool[index], rng, turn=turn):
                spare = [i for i in spare if i != index]
                break
        else:
            raise _no_place([pool[i] for i in queue], len(laid.found), n, ground.inside)
    return laid.mask, laid.found


def scatter_volume(
    pool: Sequence[Piece],
    volume_ml: float,
    ground: Ground,
    tries: int,
    rng: np.random.Generator,
    *,
    turn: bool,
) -> tuple[BoolArray, list[Scattered]]:
    """Place lesions of a pool until they have a volume together; the same lesion may come again.

    Each is drawn from those that are not larger than what is still missing, until what is missing is less than the
    smallest of them.

    Args:
        pool: at least one lesion no larger than `volume_ml`.
        volume_ml: of all of them together [ml].
        ground: as in `scatter`.
        tries: lesions drawn for each place before giving up.
        rng: source of all draws.
        turn: whether lesions are turned.

    Returns:
        as `scatter`.

    Raises:
        DataError: no lesion is small enough, or no place was found for so much.
    """
    sizes = np.array([piece.mask.volume_ml() for piece in pool])
    if not (sizes <= volume_ml).any():
        msg = f"the smallest of {len(pool)} lesions has {sizes.min():.3g} ml, more than {volume_ml:g} ml in all"
        raise DataError(msg, "ask for more (--load-ml), or give smaller lesions (--shapes)")
    laid, missing = _Laid(ground), volume_ml
    failed: list[Piece] = []
    while (fitting := np.flatnonzero(sizes <= missing)).size:
        piece = pool[int(rng.choice(fitting))]
        if laid.tried(piece, rng, turn=turn):
            missing, failed = volume_ml - Mask(laid.mask, ground.allowed.grid).volume_ml(), []
            continue
        failed.append(piece)
        if len(failed) == tries:
            raise _no_room(failed, volume_ml - missing, volume_ml, ground.inside)
    return laid.mask, laid.found


class _Laid:
    """Lesions that were laid so far: their mask, and where no further one may be."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.mask = np.zeros(ground.allowed.grid.shape, bool)
        self.taken = self.mask.copy() if ground.forbidden is None else ground.forbidden.copy()
        self.found: list[Scattered] = []

    def tried(self, piece: Piece, rng: np.random.Generator, *, turn: bool) -> bool:
        """Lay a lesion if one of several turns of it fits somewhere; whether it did."""
        grid, ground = self.ground.allowed.grid, self.ground
        for _ in range(_TURNS if turn else 1):
            rotation = random_rotation(rng) if turn else np.eye(3)
            shape = turned(piece.mask, rotation, grid)
            if shape is None:
                continue
            placed = placed_at_random(
                shape, ground.allowed.data, self.taken, ground.inside, rng, ground.chance
            )
            if placed is not None:
                self.mask[placed.box.slices] |= placed.where
                wide = with_margin(placed, grid.shape)
                self.taken[wide.box.slices] |= wide.where
                self.found.append(Scattered(piece, placed, rotation))
                return True
        return False


def _no_place(tried: Sequence[Piece], placed: int, n: int, inside: float) -> DataError:
    sizes = [piece.mask.volume_ml() for piece in tried]
    msg = (
        f"found no place for lesion {placed + 1} of {n}: none of {len(sizes)} lesions of {min(sizes):.3g} to "
        f"{max(sizes):.3g} ml fits with {100 * inside:g} % of its voxels where lesions may be, apart from the others"
    )
    return DataError(msg, "ask for fewer or smaller ones (--n, --largest-ml), or lower --inside")


def _no_room(tried: Sequence[Piece], found_ml: float, wanted_ml: float, inside: float) -> DataError:
    sizes = [piece.mask.volume_ml() for piece in tried]
    msg = (
        f"found room for {found_ml:.3g} ml of lesions, expected {wanted_ml:g} ml: none of {len(sizes)} more, of "
        f"{min(sizes):.3g} to {max(sizes):.3g} ml, fits with {100 * inside:g} % of its voxels where lesions may be, "
        "apart from the others"
    )
    return DataError(msg, "ask for less (--load-ml), or lower --inside")
