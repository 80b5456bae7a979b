import numpy as np
import pytest

from brainfill.core.errors import GeometryError
from brainfill.core.grid import Grid
from brainfill.core.volume import LabelMap, Mask, Scan, Source, Volume

GRID = Grid((2, 3, 4), np.eye(4))
ELSEWHERE = Grid((2, 3, 4), np.diag([-1.0, 1, 1, 1]))


@pytest.mark.parametrize(
    ("cls", "dtype"), [(Volume, np.float32), (Mask, np.bool_), (LabelMap, np.int32)]
)
def test_values_have_one_type_and_cannot_be_edited(cls, dtype):
    mine = np.ones((2, 3, 4), dtype)
    part = cls(mine, GRID)
    assert part.data.dtype == dtype
    assert cls(mine.astype(np.int16), GRID).data.dtype == dtype
    with pytest.raises(ValueError, match="read-only"):
        part.data[0, 0, 0] = 0
    mine[0, 0, 0] = 0  # the caller's array stays the caller's


@pytest.mark.parametrize("cls", [Volume, Mask, LabelMap])
def test_values_must_fit_the_grid(cls):
    with pytest.raises(GeometryError, match=r"\(4, 3, 2\).*\(2, 3, 4\)"):
        cls(np.ones((4, 3, 2)), GRID)


def test_like_keeps_grid_and_source():
    source = Source("a.nii", None)
    other = Volume(np.zeros((2, 3, 4)), GRID, source).like(np.ones((2, 3, 4)))
    assert other.grid is GRID
    assert other.source is source
    assert other.data.sum() == 24


def test_mask_volume_by_hand():
    data = np.zeros((2, 3, 4), bool)
    data[0, 0, :3] = True
    assert Mask(data, Grid((2, 3, 4), np.diag([2.0, 5, 10, 1]))).volume_ml() == pytest.approx(0.3)


def test_scan_parts_share_one_place():
    image, ones = Volume(np.ones((2, 3, 4)), GRID), np.ones((2, 3, 4))
    scan = Scan("sub-01", {"T1w": image}, Mask(ones, GRID), Mask(ones, GRID), LabelMap(ones, GRID))
    assert scan.grid is GRID
    for parts in (
        {"lesion": Mask(ones, ELSEWHERE)},
        {"brain": Mask(ones, ELSEWHERE)},
        {"labels": LabelMap(ones, ELSEWHERE)},
    ):
        with pytest.raises(GeometryError, match=r"sub-01.*LAS.*RAS"):
            Scan("sub-01", {"T1w": image}, **parts)
    with pytest.raises(GeometryError, match="FLAIR"):
        Scan("sub-01", {"T1w": image, "FLAIR": Volume(ones, ELSEWHERE)})
