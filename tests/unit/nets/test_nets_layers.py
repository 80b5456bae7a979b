import pytest
import torch
from torch import nn
from torch.nn import functional as F

from brainfill.nets.blocks import Attention, ResBlock, Upsample, halved
from brainfill.nets.convs import GroupNorm, ThroughPlane, channels_last, conv, zeroed
from brainfill.nets.embed import NO_CLASS, coordinates, dropped, sinusoidal


@pytest.mark.parametrize("kind", ["2d", "3d", "pseudo3d"])
@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_convolutions_keep_the_grid_or_halve_it_rounding_up(kind, size):
    x = torch.zeros(1, 2, *[size] * (3 if kind == "3d" else 2))
    assert conv(kind, 2, 3)(x).shape[2:] == x.shape[2:]
    assert set(conv(kind, 2, 3, stride=2)(x).shape[2:]) == {(size + 1) // 2}


def test_zeroed_module_adds_nothing():
    assert not zeroed(conv("2d", 2, 3))(torch.ones(1, 2, 4, 4)).any()


def test_group_norm_computes_in_float32(monkeypatch):
    x = (1000 + torch.randn(2, 8, 5, 6, generator=torch.Generator().manual_seed(0))).bfloat16()
    norm = GroupNorm(4, 8)
    expected = F.group_norm(x.float(), 4, norm.weight, norm.bias)
    seen, original = [], F.group_norm
    monkeypatch.setattr(
        F, "group_norm", lambda x, *rest: seen.append(x.dtype) or original(x, *rest)
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = norm(x)
    assert seen == [torch.float32]
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, expected.bfloat16())


def test_group_norm_is_the_usual_one():
    x = torch.randn(2, 8, 5, 6)
    torch.testing.assert_close(GroupNorm(4, 8)(x), nn.GroupNorm(4, 8)(x))


def test_through_plane_starts_as_the_identity():
    x = torch.randn(2 * 3, 4, 5, 6)
    assert torch.equal(ThroughPlane(4)(x, 3), x)


def test_through_plane_mixes_neighbours_within_each_slab_only():
    layer = ThroughPlane(1)
    with torch.no_grad():
        layer.conv.weight.copy_(torch.tensor([1.0, 10.0, 100.0]).reshape(1, 1, 3, 1, 1))
    # Two slabs of three slices; the tap after a slice has weight 100, that before it 1.
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).reshape(6, 1, 1, 1)
    assert layer(x, 3).flatten().tolist() == [210, 321, 32, 540, 654, 65]


def test_attention_starts_by_adding_nothing_and_attends_to_every_position():
    torch.manual_seed(0)
    layer = Attention(4, heads=2, groups=2)
    x = torch.randn(2, 4, 3, 5)
    assert torch.equal(layer(x), x)
    nn.init.normal_(layer.out.weight)
    changed = x.clone()
    changed[0, :, 2, 4] += 1
    difference = (layer(changed) - layer(x)).abs().amax(dim=1)
    assert bool((difference[0] > 0).all())
    assert not difference[1].any()


def test_attention_is_the_written_formula():
    torch.manual_seed(1)
    layer = Attention(4, heads=2, groups=2)
    nn.init.normal_(layer.out.weight)
    x = torch.randn(1, 4, 6)
    q, k, v = layer.qkv(layer.norm(x)[0].T).split(4, dim=1)
    heads = []
    for part in (slice(0, 2), slice(2, 4)):
        shares = (q[:, part] @ k[:, part].T / 2**0.5).softmax(dim=1)
        heads.append(shares @ v[:, part])
    expected = x[0].T + layer.out(torch.cat(heads, dim=1))
    torch.testing.assert_close(layer(x)[0].T, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
def test_upsample_reaches_the_size_of_the_skip(size):
    layer = Upsample("2d", 1)
    nn.init.dirac_(layer.conv.weight)
    nn.init.zeros_(layer.conv.bias)
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    y = layer(x, like=torch.zeros(1, 1, *size))
    rows = [i * 3 // size[0] for i in range(size[0])]
    columns = [j * 4 // size[1] for j in range(size[1])]
    assert torch.equal(y[0, 0], x[0, 0][rows][:, columns])


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_channels_last_changes_the_layout_only(shape):
    x = torch.randn(shape)
    y = channels_last(x)
    assert torch.equal(x, y)
    if len(shape) > 2:
        assert y.stride(1) == 1


def test_sinusoidal_by_hand():
    # Frequencies 1 and 1 / sqrt(10000) for width 4.
    out = sinusoidal(torch.tensor([0.0, 2.0]), 4)
    expected = [torch.tensor(a) for a in (2.0, 0.02)]
    row = [*(a.cos() for a in expected), *(a.sin() for a in expected)]
    assert out[0].tolist() == [1, 1, 0, 0]
    torch.testing.assert_close(out[1], torch.stack(row))


def test_sinusoidal_pads_an_odd_width_and_tells_all_indices_apart():
    out = sinusoidal(torch.arange(1000.0), 33)
    assert out.shape == (1000, 33)
    assert not out[:, -1].any()
    distance = torch.cdist(out, out) + 9 * torch.eye(1000)
    # Neighbouring indices differ by about a radian in the fastest wave.
    assert float(distance.min()) > 0.5


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("items", [1, 2])
def test_3d_convolutions_give_one_answer_by_every_path(stride, size, items):
    layer = conv("3d", 3, 5, size=size, stride=stride)
    x = torch.randn(items, 3, 7, 6, 5, generator=torch.Generator().manual_seed(0))
    expected = F.conv3d(x, layer.weight, layer.bias, stride, size // 2)
    with torch.inference_mode():  # one crop without gradients goes its own way
        found = layer(channels_last(x))
    # Sums of 81 products of values near 1, in another order.
    torch.testing.assert_close(found, expected.detach(), rtol=1e-5, atol=1e-5)


def test_halved_by_hand():
    x = torch.tensor([[1.0, 3.0, 10.0], [5.0, 7.0, 20.0], [2.0, 4.0, 30.0]]).reshape(1, 1, 3, 3)
    assert halved(x)[0, 0].tolist() == [[4, 15], [3, 30]]
    assert halved(torch.ones(1, 2, 5, 4, 1)).shape == (1, 2, 3, 2, 1)


@pytest.mark.parametrize("kind", ["2d", "3d"])
def test_a_block_that_halves_starts_as_the_mean(kind):
    size = (5, 6) if kind == "2d" else (4, 5, 6)
    x = torch.randn(2, 4, *size)
    block = ResBlock(kind, 4, 4, 8, 2, through_plane=False, halves=True)
    assert torch.equal(block(x, torch.randn(2, 8), 1), halved(x))


def test_scale_and_shift_by_hand():
    torch.manual_seed(0)
    block = ResBlock("2d", 2, 2, 3, 1, through_plane=False, scale_shift=True)
    nn.init.dirac_(block.conv2.weight)
    x, emb = torch.randn(1, 2, 4, 4), torch.randn(1, 3)
    scale, shift = block.embed(F.silu(emb)).reshape(2, 2, 1, 1)
    h = block.norm2(block.conv1(F.silu(block.norm1(x)))) * (1 + scale) + shift
    torch.testing.assert_close(block(x, emb, 1), x + F.silu(h))


def test_coordinates_of_a_crop_are_a_crop_of_the_coordinates():
    whole = coordinates((0, 0, 0), (5, 3, 1), (5, 3, 1))
    assert whole[0, :, 0, 0].tolist() == [-1, -0.5, 0, 0.5, 1]
    assert whole[1, 2, :, 0].tolist() == [-1, 0, 1]
    assert whole[2].unique().tolist() == [-1]
    assert torch.equal(coordinates((2, 1, 0), (3, 2, 1), (5, 3, 1)), whole[:, 2:, 1:])


def test_classes_are_dropped_as_often_as_asked():
    label = torch.arange(10_000) % 3
    generator = torch.Generator().manual_seed(0)
    some = dropped(label, 0.1, generator)
    gone = some == NO_CLASS
    assert float(gone.float().mean()) == pytest.approx(0.1, abs=4 * 0.003)  # standard error 0.003
    assert torch.equal(some[~gone], label[~gone])
    assert torch.equal(dropped(label, 0.0, generator), label)
    assert bool((dropped(label, 1.0, generator) == NO_CLASS).all())
