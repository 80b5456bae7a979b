"""Composite transforms (.h5) as ANTs writes them."""

from pathlib import Path

import ants
import numpy as np
import pytest
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.core.grid import Grid
from brainfill.preprocess.transforms import Transform, carry, inverted

SHAPE = (20, 22, 18)
GRID = Grid(SHAPE, np.diag([-1.0, -1.0, 1.0, 1.0]))  # where ANTs puts an image without a header


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A deformation from one blurred noise to another: the moving image, and what ANTs says of it."""
    fixed = ndimage.gaussian_filter(np.random.default_rng(0).random(SHAPE), 2).astype(np.float32)
    moving = ndimage.shift(fixed, (1, 0.5, -1), order=1)
    run = ants.registration(
        ants.from_numpy(fixed),
        ants.from_numpy(moving),
        "SyN",
        write_composite_transform=True,
        outprefix=f"{tmp_path_factory.mktemp('h5')}/",
        aff_iterations=(10, 5, 0, 0),
        reg_iterations=(3, 0, 0),
    )
    return moving, run


def test_a_composite_is_applied_as_ants_does(found):
    moving, run = found
    transform = Transform.load(Path(run["fwdtransforms"]))
    assert transform.suffix == ".h5"
    carried = carry(moving, GRID, GRID, [transform], "linear", Context())
    np.testing.assert_allclose(carried, run["warpedmovout"].numpy(), atol=1e-4)
    assert np.abs(carried - moving).max() > 0.01


def test_a_composite_cannot_be_inverted(found):
    transform = Transform.load(Path(found[1]["fwdtransforms"]))
    with pytest.raises(ConfigError, match="cannot be inverted"):
        inverted([transform], Context())
