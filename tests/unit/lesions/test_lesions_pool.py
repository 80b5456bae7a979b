"""Lesions of a pool: found by size, still where they were, chosen in any number."""

import numpy as np
import pytest

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.lesions.pool import pieces, some_of


@pytest.fixture
def mask():
    """Lesions of 60, 8 and 1 voxels of 2 mm; the first is hollow, the last touches nothing."""
    data = np.zeros((20, 22, 24), bool)
    data[2:6, 3:7, 4:8] = True
    data[3:5, 4:6, 5] = False
    data[12:14, 12:14, 12:14] = True
    data[18, 18, 20] = True
    return Mask(data, Grid(data.shape, np.diag([-2.0, 2, 2, 1])))


def test_found_by_size_and_still_in_place(mask):
    found = pieces("a", mask)
    assert [(p.source, p.number, int(p.mask.data.sum())) for p in found] == [
        ("a", 1, 60),
        ("a", 2, 8),
        ("a", 3, 1),
    ]
    for piece in found:
        index = mask.grid.to_index(piece.mask.grid.to_world(np.argwhere(piece.mask.data)))
        assert mask.data[tuple(np.rint(index).astype(int).T)].all()
        assert piece.mask.data.any(axis=(1, 2)).all()  # cropped tightly


@pytest.mark.parametrize(
    ("low", "high", "numbers"),
    [(0.0, np.inf, [1, 2, 3]), (0.064, np.inf, [1, 2]), (0.01, 0.1, [2]), (1, 2, [])],
)
def test_sizes_are_in_millilitres_ends_included(mask, low, high, numbers):
    assert [p.number for p in pieces("a", mask, low, high)] == numbers


def test_holes_are_filled_after_sizes_were_judged(mask):
    (largest,) = pieces("a", mask, 0.4, 0.5, fill_holes=True)
    assert largest.mask.data.sum() == 64
    assert largest.mask.data.all()


def test_an_empty_mask_has_no_lesions():
    assert pieces("a", Mask(np.zeros((3, 4, 5), bool), Grid((3, 4, 5), np.eye(4)))) == []


def test_unions_hold_any_number_of_lesions_each_as_likely(mask):
    found = pieces("a", mask)
    counts, seen = [], []
    for seed in range(600):
        union, chosen = some_of(found, mask, np.random.default_rng(seed))
        assert not union[~mask.data].any()
        assert union.sum() == sum(p.mask.data.sum() for p in chosen)
        counts.append(len(chosen))
        seen += [p.number for p in chosen]
    # n is uniform over 1, 2, 3, and each lesion is in two draws out of three; four standard errors.
    for k in (1, 2, 3):
        assert counts.count(k) == pytest.approx(200, abs=4 * np.sqrt(600 * 2 / 9))
        assert seen.count(k) == pytest.approx(400, abs=4 * np.sqrt(600 * 2 / 9))
