"""One piece without holes: cases by hand."""

import numpy as np

from brainfill.preprocess.pieces import solid


def block(*sides, shape=(12, 13, 14)):
    flags = np.zeros(shape, bool)
    flags[tuple(slice(*side) for side in sides)] = True
    return flags


def test_the_largest_piece_is_kept_and_its_hole_filled():
    large, small = block((1, 7), (1, 7), (1, 7)), block((9, 11), (9, 11), (9, 11))
    hole = block((3, 5), (3, 5), (3, 5))
    assert np.array_equal(solid((large & ~hole) | small), large)


def test_voxels_that_share_an_edge_are_two_pieces():
    one, other = block((1, 5), (1, 5), (1, 5)), block((5, 7), (5, 7), (1, 5))
    assert np.array_equal(solid(one | other), one)


def test_a_piece_in_the_hole_becomes_part_of_it():
    shell = block((1, 9), (1, 9), (1, 9)) & ~block((2, 8), (2, 8), (2, 8))
    core = block((4, 6), (4, 6), (4, 6))
    assert np.array_equal(solid(shell | core), block((1, 9), (1, 9), (1, 9)))


def test_a_cavity_that_opens_at_the_end_of_the_image_stays():
    cup = block((0, 6), (2, 9), (2, 9)) & ~block((0, 4), (4, 7), (4, 7))
    assert np.array_equal(solid(cup), cup)


def test_nothing_stays_nothing():
    assert not solid(np.zeros((3, 4, 5), bool)).any()
