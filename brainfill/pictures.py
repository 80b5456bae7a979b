"""Slices of scans as pictures: three planes through a point, in true proportions, with outlines apart."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brainfill.core.background import background
from brainfill.core.errors import DataError
from brainfill.core.grid import FloatArray, Grid
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.steps.resample import resample_to

Convention = Literal["radiological", "neurological"]
Plane = Literal["axial", "coronal", "sagittal"]
PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
_RANGE_PERCENT = (0.5, 99.5)
_HEADROOM = 0.15  # of that range
_STEPS = {"R": (1, 0, 0), "A": (0, 1, 0), "S": (0, 0, 1)}
_OPPOSITE = {"R": "L", "A": "P", "S": "I", "L": "R", "P": "A", "I": "S"}


def edges(plane: Plane, convention: Convention = "radiological") -> str:
    """The directions of the left, right, top and bottom edge of a picture.

    >>> edges("axial", "radiological"), edges("coronal", "neurological"), edges("sagittal", "radiological")
    ('RLAP', 'LRSI', 'APSI')
    """
    left = "A" if plane == "sagittal" else "R" if convention == "radiological" else "L"
    top = "A" if plane == "axial" else "S"
    return left + _OPPOSITE[left] + top + _OPPOSITE[top]


def plane_grid(
    plane: Plane,
    centre_mm: tuple[float, float, float],
    shape: tuple[int, int],
    pixel_mm: float,
    convention: Convention = "radiological",
) -> Grid:
    """The pixels of a picture: array axis 0 runs to its right, axis 1 down, one pixel deep.

    Planes are those of the scanner's axes, whatever the axes of the image are.

    Args:
        plane: which.
        centre_mm: world position at the centre of the middle pixel, that behind the middle where sides are even.
        shape: pixels across and down.
        pixel_mm: side of a pixel.
        convention: on which side of the picture the person's right is.
    """
    _, right, _, bottom = tuple(edges(plane, convention))
    across, down = _direction(right), _direction(bottom)
    width, height = shape
    affine = np.eye(4)
    affine[:3, :3] = np.stack([across, down, np.cross(across, down)], axis=1) * pixel_mm
    half = np.array([width // 2, height // 2, 0])
    affine[:3, 3] = np.array(centre_mm) - affine[:3, :3] @ half
    return Grid((width, height, 1), affine)


def grey_range(image: Volume, lesions: Mask) -> tuple[float, float]:
    """The intensities shown as black and as white.

    From the 0.5th to the 99.5th percentile of what is not background, and a little above, so that white matter is not glaring.
    Widened to the same percentiles of the lesions: bright lesions are few voxels, and must not all be plain white.

    Args:
        image: any range.
        lesions: of both kinds, on any grid.

    Raises:
        DataError: the image has one value only.
    """
    bright = resample_to(lesions.data, lesions.grid, image.grid, order=0) > 0.5  # type: ignore[arg-type]
    found = background(image.data)
    nothing = found.level if found.flat is None else found.flat
    parts = [image.data[image.data != nothing], image.data[bright]]
    ranges = [np.percentile(values, _RANGE_PERCENT) for values in parts if values.size]
    if not ranges or np.ptp(ranges) == 0:
        msg = "it is blank: all its voxels have one value"
        raise DataError(msg, "check that this is the right image")
    black, white = min(low for low, _ in ranges), max(high for _, high in ranges)
    return float(black), float(white + _HEADROOM * (white - black))


def picture(image: Volume, pixels: Grid, shown: tuple[float, float]) -> bytes:
    """An image at the pixels of a plane, as a greyscale PNG without any other information.

    Args:
        image: on any grid; what lies outside it is black.
        pixels: from `plane_grid`.
        shown: intensities of black and white.
    """
    return png(grey(image, pixels, shown))


def grey(image: Volume, pixels: Grid, shown: tuple[float, float]) -> NDArray[np.uint8]:
    """An image at the pixels of a plane, uint8 (rows, columns); arguments as of `picture`."""
    low, high = shown
    dark = np.float32(low if low < 0 else 0)
    values = resample_to(image.data - dark, image.grid, pixels, order=3)[:, :, 0].T + dark
    return np.asarray(255 * np.clip((values - low) / (high - low), 0, 1) + 0.5, np.uint8)


def png(colours: NDArray[np.uint8]) -> bytes:
    """Pixels as a PNG: (rows, columns) are grey, (rows, columns, 4) red, green, blue and opacity."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(colours).save(file, "PNG", optimize=True)
    return file.getvalue()


def outline(where: Mask, pixels: Grid) -> str:
    """The border of a lesion in a plane as an SVG path; its unit is the pixel, 0 the corner of the picture."""
    from skimage.measure import find_contours

    flags = resample_to(where.data, where.grid, pixels, order=1, antialias=False)  # type: ignore[arg-type]
    lines = [np.asarray(c) + 0.5 for c in find_contours(flags[:, :, 0], 0.5)]
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line) for line in lines)


def _direction(letter: str) -> FloatArray:
    if letter in _STEPS:
        return np.array(_STEPS[letter], float)
    return -np.array(_STEPS[_OPPOSITE[letter]], float)
