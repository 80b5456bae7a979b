"""How far a clean estimate is from the truth, one number per item of a batch."""

from __future__ import annotations

from torch import Tensor

from brainfill.diffusion.bound import variance_bound
from brainfill.diffusion.denoiser import Estimate
from brainfill.diffusion.levels import Schedule

_DIMS = (1, 2, 3, 4)


def relative_squared(
    estimate: Tensor, clean: Tensor, hole: Tensor, ring: float, floor: float
) -> Tensor:
    """Squared error, relative to what the first fill gets wrong.

    So easy white-matter holes count as much as hard cortical ones.

    Args:
        estimate: of the difference to the first fill (B, C, D, H, W), as it is noised.
        clean: the true one.
        hole: (B, 1, D, H, W), 1 where it is learnt.
        ring: weight outside the hole, against 1 in it.
        floor: squared size below which no difference can be told from noise.

    Returns:
        (B,), 1 for an estimate of zero.
    """
    error = (estimate - clean) ** 2 * (hole + ring * (1 - hole))
    size = hole.sum(_DIMS).clamp(min=1)
    hard = (clean**2 * hole).sum(_DIMS) / size + floor
    return error.sum(_DIMS) / size / hard


def absolute_twice(estimate: Tensor, clean: Tensor, hole: Tensor, ring: float) -> Tensor:
    """Absolute error in the hole, and once more over the whole crop, weighted by `ring`.

    Durrer et al. 2025, https://arxiv.org/abs/2507.13146, take `ring` = 1.

    Args:
        estimate: image (B, N, D, H, W).
        clean: the true one.
        hole: (B, 1, D, H, W), 1 where it is learnt.
        ring: weight of the mean over all voxels, against 1 for that in the hole.

    Returns:
        (B,), in the unit of the images.
    """
    error = (estimate - clean).abs()
    inside = (error * hole).sum(_DIMS) / (hole.sum(_DIMS) * error.shape[1]).clamp(min=1)
    return inside + ring * error.mean(_DIMS)


def bound_in_hole(
    said: Estimate, clean: Tensor, x: Tensor, hole: Tensor, t: Tensor, schedule: Schedule
) -> Tensor:
    """The variational bound, which teaches the variance of steps, where there is noise.

    Args:
        said: the estimate of x, with the share of the variance.
        clean: the true tensor (B, C, *S), 0 outside the hole.
        x: the noisy one, 0 outside the hole.
        hole: (B, 1, *S), 1 where it is learnt.
        t: times (B,) in (0, 1].
        schedule: variance preserving.

    Returns:
        Bits per value of the hole (B,).
    """
    # Beside the hole it describes a step exactly: the right mean, 0, and the smallest variance.
    inside = Estimate(*(field * hole for field in said.given()))
    bits = variance_bound(inside, clean, x, t, schedule)
    return bits * hole[0].numel() / hole.sum(_DIMS).clamp(min=1)
