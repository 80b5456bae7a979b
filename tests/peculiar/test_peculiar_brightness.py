"""Scales, offsets, padding and odd voxels: brightness as scanners and programs write it."""

import numpy as np
import pytest
from peculiar import case

from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Scan, Volume
from brainfill.preprocess.brain import check_brain
from brainfill.preprocess.steps import n4, skullstrip
from brainfill.preprocess.strippers import builtin

SHIFTS = [1000, -5000]
PADDING = [-100, -1024, -32768, 4095]
FRAME = 4


def framed(data, value):
    return np.pad(data, FRAME, constant_values=value)


def brain_of(data, affine):
    """The brain that the shipped network finds, which must look like one."""
    image = Volume(data.astype(np.float32), Grid(data.shape, affine))
    found = builtin.build(builtin.Config())(image, Context())
    check_brain(image, found, "sub-01", 200, 2500)
    return found.data


def dice(a, b):
    return 2 * np.sum(a & b) / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def usual(_head):
    return brain_of(_head.t1, _head.affine)


@pytest.mark.slow
@pytest.mark.parametrize("shift", SHIFTS)
@case("a head with 1000 added, or 5000 taken off", "the same brain")
def test_brain_of_a_shifted_head(head, usual, shift):
    assert dice(brain_of(head.t1.astype(np.float32) + shift, head.affine), usual) > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("value", PADDING)
@case("-100, -1024, -32768 or 4095 outside the field of view", "the same brain")
def test_brain_in_padding(head, usual, value):
    affine = head.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, FRAME)
    inner = (slice(FRAME, -FRAME),) * 3
    assert dice(brain_of(framed(head.t1, value), affine)[inner], usual) > 0.99


@pytest.mark.slow
@pytest.mark.parametrize("value", [-40, -1e6, 1e6])
@case("one voxel of -40, -1e6 or 1e6 in a head", "the same brain")
def test_one_odd_voxel(head, usual, value):
    odd = head.t1.astype(np.float32)
    odd[44, 50, 40] = value
    assert dice(brain_of(odd, head.affine), usual) > 0.999


@pytest.mark.slow
@case("a head in [0, 1], of 0..4095 or in [-0.5, 0.5], as MP2RAGE has it", "the same brain")
def test_brain_at_other_scales(head, usual):
    unit = head.t1 / np.float32(head.t1.max())
    for scaled in (unit, np.rint(unit * 4095), unit - np.float32(0.5)):
        assert dice(brain_of(scaled, head.affine), usual) > 0.995


def stripped_scan(head, shift=0):
    """The sample head with a ball called its brain, some of it dark."""
    far = np.linalg.norm(np.indices(head.t1.shape) - np.reshape((44, 53, 43), (3, 1, 1, 1)), axis=0)
    grid = Grid(head.t1.shape, head.affine)
    data = head.t1.astype(np.float32) + shift
    return Scan("sub-01", {"T1w": Volume(data, grid)}, brain=Mask(far < 25, grid))


@pytest.mark.parametrize("shift", SHIFTS)
@case(
    "a shifted head, its bias field corrected", "the field of the head itself; its background stays"
)
def test_bias_field_of_a_shifted_head(head, shift):
    step = n4.build(n4.Config(iterations=5))
    usual, _ = step(stripped_scan(head), Context())
    found, undo = step(stripped_scan(head, shift), Context())
    image = found.images["T1w"].data
    np.testing.assert_allclose(image - shift, usual.images["T1w"].data, atol=0.05)
    back = undo.volume(found.images["T1w"]).data
    np.testing.assert_allclose(back, head.t1.astype(np.float32) + shift, atol=0.01)


@case(
    "one voxel of 1e6 in the brain, its bias field corrected", "the field of the brain without it"
)
def test_bias_field_with_a_spike(head):
    step = n4.build(n4.Config(iterations=5))
    scan = stripped_scan(head)
    spiked = scan.images["T1w"].data.copy()
    spiked[44, 53, 43] = 1e6
    odd = Scan("sub-01", {"T1w": scan.images["T1w"].like(spiked)}, brain=scan.brain)
    usual, found = (step(s, Context())[1].fields["T1w"].data for s in (scan, odd))
    np.testing.assert_allclose(found, usual, atol=0.06)


@pytest.mark.parametrize("shift", [0, *SHIFTS])
@case("a shifted head, stripped with a mask", "0 outside the brain, the head's own values inside")
def test_stripped_to_zero(head, shift, save):
    scan = stripped_scan(head, shift)
    mask = skullstrip.build(skullstrip.Config(backend="mask.nii.gz"))
    ctx = Context(read=lambda _: Volume(scan.brain.data.astype(np.float32), scan.grid))
    found, undo = mask(scan, ctx)
    image = found.images["T1w"]
    np.testing.assert_array_equal(image.data, np.where(scan.brain.data, head.t1, 0))
    np.testing.assert_array_equal(undo.volume(image).data, scan.images["T1w"].data)


def lesioned(head):
    """The sample head with one lesion only, which fills quickly."""
    one = np.zeros_like(head.mask)
    one[30:36, 50:56, 45:50] = 1
    return one


@pytest.mark.parametrize("method", ["harmonic", "localmean", "patch"])
@case(
    "a head with 1000 added, wholly negative, or in padding of -1024",
    "the fill of the head itself, shifted",
)
def test_fills_of_shifted_heads(head, call, save, values, tmp_path, method):
    one = lesioned(head)
    mask = save("mask.nii.gz", one, head.affine)

    def fill(name, data):
        save(f"{name}.nii.gz", data.astype(np.int16), head.affine)
        out = tmp_path / f"{name}_filled.nii.gz"
        result = call("fill", tmp_path / f"{name}.nii.gz", mask, "-o", out, "--method", method)
        assert result.code == 0, result.err
        return values(out).astype(int)

    usual = fill("usual", head.t1)
    for shift in (1000, -5000):
        assert np.abs(fill(f"by{shift}", head.t1 + shift) - shift - usual).max() <= 1
    air = head.t1.copy()
    air[:3], air[-3:], air[:, :3], air[:, -3:], air[:, :, :3], air[:, :, -3:] = (-1024,) * 6
    padded = fill("padded", air)
    np.testing.assert_array_equal(padded[air == -1024], -1024)
    assert np.abs(padded - usual)[air != -1024].max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
@pytest.mark.parametrize("lesion", [1, 200])
@case(
    "an 8-bit piece of brain without any air, its lesion dark or far brighter than all tissue",
    "no tissue grey is background: every voxel of the hole is filled",
)
def test_piece_without_air(head, call, save, values, tmp_path, dtype, lesion):
    piece = np.rint(head.t1[25:55, 30:60, 30:55] / 4).astype(dtype)  # greys from 2 to 30
    hole = np.zeros(piece.shape, np.uint8)
    hole[8:16, 8:18, 8:16] = 1
    piece[hole > 0] = lesion
    t1, mask = save("t1.nii.gz", piece, head.affine), save("mask.nii.gz", hole, head.affine)
    result = call("fill", t1, mask, "-o", tmp_path / "f.nii.gz", "--method", "localmean")
    assert result.code == 0, result.err
    found = values(tmp_path / "f.nii.gz")
    assert 1 < found[hole > 0].min() <= found[hole > 0].max() <= 40
