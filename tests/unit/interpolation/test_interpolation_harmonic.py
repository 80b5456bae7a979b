import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from brainfill.interpolation.harmonic import harmonic_fill


def field(shape, f):
    axes = [torch.linspace(-1, 1, n) if n > 1 else torch.zeros(1) for n in shape]
    return f(*torch.meshgrid(*axes, indexing="ij"))[None, None]


def box(shape, *slices):
    hole = torch.zeros(1, 1, *shape)
    hole[(0, 0, *slices)] = 1
    return hole


def ball(shape, centre, radius):
    return torch.from_numpy(
        sum((i - c) ** 2 for i, c in zip(np.indices(shape), centre, strict=True)) < radius**2
    ).float()[None, None]


HARMONIC = {
    "ramp": lambda d, h, w: 0.5 + 0.2 * d - 0.3 * h + 0.1 * w,
    "saddle": lambda d, h, w: 0.5 + 0.3 * (d * d - h * h),
    "product": lambda d, h, w: 0.5 + 0.3 * d * h * w,
}


CUBE, ODD = (24, 24, 24), (17, 22, 19)


@pytest.mark.parametrize(  # the saddle is harmonic on equal spacings only
    ("name", "shape"),
    [("ramp", CUBE), ("ramp", ODD), ("saddle", CUBE), ("product", CUBE), ("product", ODD)],
)
@pytest.mark.parametrize("radius", [1.5, 4, 7])
def test_harmonic_functions_are_continued_through_the_hole(name, shape, radius):
    image = field(shape, HARMONIC[name])
    hole = ball(shape, [n / 2 + 0.3 for n in shape], radius)
    inside = image[hole > 0]
    error = (harmonic_fill(image, hole) - image).abs().max()
    # The sweeps stop before the last digit: measured up to 6.1 % of the range within the hole.
    # Any constant, the mean of the surroundings for one, errs by 50 % or more.
    assert float(error) < 0.08 * float(inside.max() - inside.min())


def test_a_flat_image_stays_flat():
    image = torch.full((1, 1, 9, 10, 11), 0.7)
    filled = harmonic_fill(image, ball((9, 10, 11), (4, 5, 5), 4))
    torch.testing.assert_close(filled, image, rtol=1e-6, atol=0)


@st.composite
def holes(draw):
    shape = draw(st.tuples(*[st.integers(1, 12)] * 3))
    bits = draw(st.integers(0, 2**32 - 1))
    share = draw(st.sampled_from([0.0, 0.1, 0.6, 0.95, 1.0]))
    rng = np.random.default_rng(bits)
    return torch.from_numpy((rng.random((1, 1, *shape)) < share).astype(np.float32)), bits


@given(holes())
def test_known_voxels_are_kept_and_hole_values_never_read(case):
    hole, bits = case
    generator = torch.Generator().manual_seed(bits)
    image = torch.randn(hole.shape, generator=generator)
    garbage = image + hole * 1e6 * torch.randn(hole.shape, generator=generator)
    filled = harmonic_fill(image, hole)
    assert torch.equal(harmonic_fill(garbage, hole), filled)
    assert torch.equal(filled[hole == 0], image[hole == 0])
    assert bool(torch.isfinite(filled).all())
    if (hole == 0).any():  # the maximum principle: no fill beyond the known values
        low, high = image[hole == 0].aminmax()
        # Averages of float32 values may leave the range by rounding.
        assert float(low) - 1e-5 <= float(filled.min())
        assert float(filled.max()) <= float(high) + 1e-5


@pytest.mark.parametrize("shape", [(8, 8, 8), (5, 7, 1), (1, 1, 1)])
def test_a_hole_everywhere_becomes_zero(shape):
    filled = harmonic_fill(torch.randn(1, 1, *shape), torch.ones(1, 1, *shape))
    assert torch.equal(filled, torch.zeros_like(filled))


def test_a_hole_on_the_border_continues_its_only_side():
    # Known half: 3. Nothing is known beyond the border, so 3 is the smoothest continuation.
    shape = (6, 9, 7)
    image = torch.full((1, 1, *shape), 3.0)
    hole = box(shape, slice(None), slice(4, None), slice(None))
    filled = harmonic_fill(image * (1 - hole), hole)
    torch.testing.assert_close(filled, image, rtol=1e-5, atol=0)


def test_items_of_a_batch_do_not_influence_each_other():
    shape = (11, 12, 9)
    image = torch.randn(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    small, large = box(shape, slice(4, 6), slice(4, 6), slice(4, 6)), torch.ones(1, 1, *shape)
    both = harmonic_fill(image, torch.cat([small, large]))
    torch.testing.assert_close(both[:1], harmonic_fill(image[:1], small), rtol=0, atol=1e-6)


def test_turning_the_image_turns_the_fill():
    image = torch.randn(1, 1, 8, 8, 8, generator=torch.Generator().manual_seed(2))
    hole = ball((8, 8, 8), (3, 4, 4), 2.5)
    turned = harmonic_fill(image.permute(0, 1, 4, 2, 3), hole.permute(0, 1, 4, 2, 3))
    torch.testing.assert_close(turned, harmonic_fill(image, hole).permute(0, 1, 4, 2, 3))
