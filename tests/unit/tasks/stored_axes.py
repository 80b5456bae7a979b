"""The same voxels in another order, as another scanner or program would store them."""

import nibabel as nib
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from brainfill.core.grid import Grid


def stored(part, codes):
    """The same voxels stored along other axes, by nibabel."""
    turn = ornt_transform(io_orientation(part.grid.affine), axcodes2ornt(codes))
    data = nib.orientations.apply_orientation(part.data, turn)
    affine = part.grid.affine @ inv_ornt_aff(turn, part.grid.shape)
    return type(part)(data, Grid(data.shape, affine))
