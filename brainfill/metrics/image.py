"""Similarity of a fill and the truth inside a mask, as the BraTS inpainting challenge defines it.

METRICS sections 1.2 to 1.4: intensities are scaled by the 0.5th and 99.5th percentile of the voided
truth, and everything outside the mask is set to zero before windows are laid over it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from brainfill.core.errors import GeometryError
from brainfill.core.grid import BoolArray, Box, FloatArray
from brainfill.metrics.texture import local_sd_ratio, stripe_index

_PERCENTILES = (0.5, 99.5)
_RADIUS_VOX = 5
_SIGMA_VOX = 1.5
_K1, _K2 = 0.01, 0.03


class Scaled(NamedTuple):
    """Prediction and truth in [0, 1], zero outside the mask."""

    prediction: FloatArray
    truth: FloatArray
    mask: BoolArray


def scaled(
    prediction: FloatArray, truth: FloatArray, mask: BoolArray, voided: FloatArray | None = None
) -> Scaled:
    """Both images on the scale of the voided truth.

    Args:
        prediction: (X, Y, Z), any unit.
        truth: same shape and unit.
        mask: the voxels that are scored.
        voided: the truth without its lesions and without the mask, which sets the scale; without it
            the truth with the mask set to zero.

    Raises:
        GeometryError: the shapes differ.
    """
    shapes = {"prediction": prediction.shape, "truth": truth.shape, "mask": mask.shape}
    if len(set(shapes.values())) > 1:
        msg = "cannot compare images of different shapes: found " + ", ".join(
            f"{name} {shape}" for name, shape in shapes.items()
        )
        raise GeometryError(msg, "compare images on one grid")
    context = np.where(mask, 0, truth) if voided is None else voided
    low, high = (float(v) for v in np.percentile(context, _PERCENTILES))
    low = max(low, 0.0)
    span = high - low if high > low else 1.0
    p, g = (np.clip(np.where(mask, image, 0), low, max(high, low)) for image in (prediction, truth))
    return Scaled(
        ((p - low) / span).astype(np.float32), ((g - low) / span).astype(np.float32), mask
    )


def mse(s: Scaled) -> float:
    """Mean squared error over the mask; NaN for an empty mask."""
    return _mean((s.prediction - s.truth)[s.mask].astype(np.float64) ** 2)


def mae(s: Scaled) -> float:
    """Mean absolute error over the mask; NaN for an empty mask."""
    return _mean(np.abs((s.prediction - s.truth)[s.mask].astype(np.float64)))


def psnr_01(s: Scaled) -> float:
    """10 log10(1 / mse) [dB]; infinite for equal images, NaN for an empty mask.

    This is the number that the challenge reports.
    """
    error = mse(s)
    return math.inf if error == 0 else 10 * math.log10(1 / error) if error > 0 else math.nan


def ssim_brats(s: Scaled) -> float:
    """Structural similarity as the challenge computes it: on planes across the first array axis.

    Gaussian windows of 11 x 11 with sigma 1.5, mirrored at the border; the mean of the map over the
    mask. Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861.
    """
    return _ssim(s, axes=(1, 2))


def ssim3d(s: Scaled) -> float:
    """Structural similarity with windows of 11 x 11 x 11 voxels, else as `ssim_brats`."""
    return _ssim(s, axes=(0, 1, 2))


def fill_metrics(
    prediction: FloatArray, truth: FloatArray, mask: BoolArray, voided: FloatArray | None = None
) -> dict[str, float]:
    """All measures of one fill, by name.

    Args:
        prediction: the filled image (X, Y, Z).
        truth: the image as it should be.
        mask: the filled voxels.
        voided: sets the intensity scale; see `scaled`.

    Raises:
        GeometryError: the shapes differ.
    """
    s = scaled(prediction, truth, mask, voided)
    measures = {f.__name__: f(s) for f in (ssim_brats, ssim3d, psnr_01, mse, mae)}
    measures["local_sd_ratio"] = local_sd_ratio(prediction, mask)
    stripes = stripe_index(prediction, mask)
    return measures | {f"stripe_axis{i}": v for i, v in enumerate(stripes)}


def _ssim(s: Scaled, axes: tuple[int, ...]) -> float:
    if not s.mask.any():
        return math.nan
    p, g = s.prediction.astype(np.float64), s.truth.astype(np.float64)
    span = max(float(np.ptp(p)), float(np.ptp(g)))
    if span == 0:
        return 1.0 if (p == g).all() else 0.0
    # Windows reach 5 voxels beyond the mask and everything farther out is zero, so the map inside
    # the mask does not change when the images are cut to that margin.
    margin = (2 * _RADIUS_VOX,) * 3
    box = Box.around(s.mask).grow(margin).within(_shape(s.mask)).slices
    p, g, mask = p[box], g[box], s.mask[box]

    def smooth(x: NDArray[Any]) -> NDArray[Any]:
        for axis in axes:
            x = ndimage.gaussian_filter1d(
                x, _SIGMA_VOX, axis=axis, mode="mirror", radius=_RADIUS_VOX
            )
        return x

    mean_p, mean_g = smooth(p), smooth(g)
    var_p, var_g = smooth(p * p) - mean_p**2, smooth(g * g) - mean_g**2
    cov = smooth(p * g) - mean_p * mean_g
    c1, c2 = (_K1 * span) ** 2, (_K2 * span) ** 2
    top = (2 * mean_p * mean_g + c1) * (2 * cov + c2)
    bottom = (mean_p**2 + mean_g**2 + c1) * (var_p + var_g + c2)
    return float((top / bottom)[mask].mean())


def _shape(array: NDArray[Any]) -> tuple[int, int, int]:
    x, y, z = array.shape
    return x, y, z


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else math.nan
