"""Lesions of other people: the connected components of their masks, found, sized and chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from brainfill.core.grid import BoolArray, Box
from brainfill.core.volume import Mask
from brainfill.lesions.components import label_lesions


@dataclass(frozen=True, eq=False)
class Piece:
    """One connected lesion.

    Args:
        source: name of the mask it is from.
        number: by size within that mask, 1 for the largest.
        mask: cropped tightly, still where it was in the world.
    """

    source: str
    number: int
    mask: Mask


def pieces(
    source: str,
    mask: Mask,
    smallest_ml: float = 0.0,
    largest_ml: float = np.inf,
    *,
    fill_holes: bool = False,
) -> list[Piece]:
    """The lesions of a mask whose volume lies in a range, the largest first.

    Args:
        source: name of the mask.
        mask: any grid.
        smallest_ml: lesions below are left out [ml].
        largest_ml: lesions above are left out [ml].
        fill_holes: whether what a lesion encloses becomes part of it.
    """
    if not mask.data.any():
        return []
    around = Box.around(mask.data)  # most of a mask is empty, and labelling it takes time
    part = Mask(mask.data[around.slices], mask.grid.crop(around))
    labels = label_lesions(part)
    found = []
    for number, where in enumerate(ndimage.find_objects(labels.data), start=1):
        inside = labels.data[where] == number
        (a, d), (b, e), (c, f) = ((s.start, s.stop) for s in where)
        piece = Mask(inside, part.grid.crop(Box((a, b, c), (d, e, f))))
        if smallest_ml <= round(piece.volume_ml(), 9) <= largest_ml:
            if fill_holes:
                piece = Mask(ndimage.binary_fill_holes(inside), piece.grid)
            found.append(Piece(source, number, piece))
    return found


def some_of(
    lesions: Sequence[Piece], like: Mask, rng: np.random.Generator
) -> tuple[BoolArray, list[Piece]]:
    """The union of n lesions of one mask, n uniform from 1 to all of them (METHODS 3.2).

    Args:
        lesions: of the mask `like`.
        like: gives the grid.
        rng: source of all draws.

    Returns:
        bool (X, Y, Z), and the lesions that were chosen.
    """
    n = int(rng.integers(1, len(lesions) + 1))
    chosen = [lesions[i] for i in sorted(rng.permutation(len(lesions))[:n])]
    union = np.zeros(like.data.shape, bool)
    for piece in chosen:
        place = tuple(piece.mask.grid.affine[:3, 3])
        a, b, c = (int(v) for v in np.rint(like.grid.to_index(np.array([place]))[0]))
        x, y, z = piece.mask.data.shape
        union[Box((a, b, c), (a + x, b + y, c + z)).slices] |= piece.mask.data
    return union, chosen
