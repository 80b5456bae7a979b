import pytest
import torch

from brainfill.core.errors import ConfigError
from brainfill.nets.encoder import AttentionPool, Encoder, EncoderConfig

SMALL = {"width": 8, "mult": (1, 2), "blocks": 1, "groups": 4, "heads": 2, "grid": (4, 4)}
T = torch.tensor([3.0, 700.0])


def made(**options):
    torch.manual_seed(0)
    net = Encoder(EncoderConfig(**SMALL | options))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return net


def image(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("kind", "grid", "size"),
    [("2d", (4, 4), (8, 8)), ("2d", (4, 4), (5, 11)), ("3d", (2, 2, 2), (5, 4, 7))],
)
@pytest.mark.parametrize("scale_shift", [True, False])
def test_an_image_of_any_size_gives_one_row_of_numbers(kind, grid, size, scale_shift):
    net = made(kind=kind, grid=grid, outputs=3, scale_shift=scale_shift, attention=(1,))
    out = net(image(2, 3, *size), T)
    assert out.shape == (2, 3)
    assert bool(torch.isfinite(out).all())
    alone = torch.cat([net(image(2, 3, *size)[i : i + 1], T[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(out, alone, rtol=1e-4, atol=1e-5)
    assert float((out - net(image(2, 3, *size), T.flip(0))).detach().abs().max()) > 1e-3


@pytest.mark.parametrize("kind", ["2d", "pseudo3d"])
def test_a_slab_gives_an_answer_for_every_slice(kind):
    net = made(kind=kind, outputs=2)
    x = image(2, 3, 5, 8, 8)
    out = net(x, T)
    assert out.shape == (2, 2, 5)
    single = torch.stack([net(x[:, :, k], T) for k in range(5)], dim=2)
    if kind == "2d":
        torch.testing.assert_close(out, single, rtol=1e-4, atol=1e-5)
    else:  # neighbours are heard of
        assert float((out - single).detach().abs().max()) > 1e-3


def test_training_reaches_every_parameter():
    net = made(scale_shift=True, attention=(0,), outputs=2, dropout=0.1, checkpointing=True)
    (net.train()(image(2, 3, 8, 8), T) ** 2).sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_pool_is_the_written_formula():
    torch.manual_seed(1)
    pool = AttentionPool(4, 2, (2, 3), 5)
    x = image(1, 4, 2, 3)
    voxels = (x + pool.position)[0].flatten(1).T
    mean = x[0].flatten(1).mean(1) + pool.mean_position[:, 0]
    tokens = torch.cat([mean[None], voxels])
    q, k, v = pool.qkv(tokens).split(4, dim=1)
    heads = [
        (q[:1, part] @ k[:, part].T / 2**0.5).softmax(1) @ v[:, part]
        for part in (slice(0, 2), slice(2, 4))
    ]
    expected = pool.out(torch.cat(heads, dim=1))
    torch.testing.assert_close(pool(x), expected, rtol=1e-5, atol=1e-6)


def test_positions_are_stretched_to_another_grid():
    torch.manual_seed(1)
    pool = AttentionPool(4, 2, (2, 2), 5)
    with torch.no_grad():
        pool.position.copy_(pool.position[:, :1, :1].expand(-1, 2, 2))
    # The same position everywhere, and the same value: the number of voxels cannot matter.
    ones = torch.ones(1, 4, 1, 1)
    few, many = pool(ones.expand(-1, -1, 2, 2)), pool(ones.expand(-1, -1, 5, 3))
    assert float((few - many).detach().abs().max()) < 0.1 * float(few.detach().abs().max())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"grid": (4,)}, r"grid must hold 2 numbers for a 2d network, got \(4,\)"),
        ({"kind": "3d"}, "grid must hold 3 numbers for a 3d network"),
        ({"heads": 3, "middle_attention": False}, "heads must divide the 16 channels"),
        ({"head_width": 12}, r"head_width must divide the attending channels \[16\], got 12"),
    ],
)
def test_a_size_that_cannot_be_built_is_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        EncoderConfig(**SMALL | options)
