import pytest
import torch

from brainfill.core.errors import ConfigError
from brainfill.nets.embed import NO_CLASS
from brainfill.nets.unet import UNet, UNetConfig, count_parameters

SMALL = {"width": 8, "mult": (1, 2), "blocks": 1, "groups": 4, "heads": 2}
KINDS = ("2d", "3d", "pseudo3d")
T = torch.tensor([3.0, 700.0])


def made(seed=0, **options):
    """A small network without any zero weight."""
    torch.manual_seed(seed)
    net = UNet(UNetConfig(**SMALL | options))
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return net


def slab(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("depth", [1, 2, 5, 17])
def test_pseudo3d_starts_as_the_2d_network_slice_by_slice(depth):
    flat = made(attention=(1,))
    thick = UNet(UNetConfig(**SMALL, kind="pseudo3d", attention=(1,)))
    loaded = thick.load_state_dict(flat.state_dict(), strict=False)
    assert not loaded.unexpected_keys
    assert all("mix" in key for key in loaded.missing_keys)
    x = slab(2, 3, depth, 9, 11)
    # METHODS 1.6: exactly; the order of sums may differ (6e-7 was measured on values near 1).
    torch.testing.assert_close(thick(x, T), flat(x, T), rtol=1e-5, atol=1e-5)


def test_pseudo3d_with_moved_mixing_weights_is_another_network():
    flat, thick = made(), UNet(UNetConfig(**SMALL, kind="pseudo3d"))
    thick.load_state_dict(flat.state_dict(), strict=False)
    with torch.no_grad():
        for name, p in thick.named_parameters():
            if "mix" in name:
                p.add_(0.1)
    x = slab(1, 3, 5, 9, 11)
    difference = (thick(x, T[:1]) - flat(x, T[:1])).detach()
    assert float(difference.abs().max()) > 1e-2  # untouched weights differ by 1e-6 at most


@pytest.mark.parametrize("through_plane_middle", [True, False])
def test_slices_hear_of_each_other_in_pseudo3d_only(through_plane_middle):
    x = slab(1, 3, 6, 8, 8)
    changed = x.clone()
    changed[:, :, 5] += 1
    for kind, heard in (("2d", False), ("pseudo3d", True)):
        net = made(kind=kind, through_plane_middle=through_plane_middle)
        first = [net(v, T[:1])[:, :, 0] for v in (x, changed)]
        assert torch.equal(*first) != heard


def test_a_slab_of_2d_is_its_slices_one_by_one():
    net = made(attention=(0,))
    x = slab(2, 3, 4, 9, 7)
    out = net(x, T)
    for k in range(4):
        torch.testing.assert_close(out[:, :, k], net(x[:, :, k], T), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("skips", ["concat", "add"])
@pytest.mark.parametrize("size", [(5, 9, 7), (4, 8, 8), (1, 3, 2), (1, 1, 1)])
def test_any_size_comes_back(kind, skips, size):
    net = made(kind=kind, skips=skips, mult=(1, 2, 2), outputs=2)
    out = net(slab(2, 3, *size), T)
    assert out.shape == (2, 2, *size)
    assert bool(torch.isfinite(out).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("skips", ["concat", "add"])
def test_checkpointing_leaves_every_gradient_unchanged_and_none_empty(kind, skips):
    gradients = []
    for checkpointing in (False, True):
        net = made(kind=kind, skips=skips, attention=(1,), checkpointing=checkpointing, dropout=0.2)
        torch.manual_seed(7)  # dropout must be the same when recomputed
        (net.train()(slab(2, 3, 3, 6, 5), T) ** 2).sum().backward()
        gradients.append({name: p.grad for name, p in net.named_parameters()})
    for name, gradient in gradients[0].items():
        assert torch.equal(gradient, gradients[1][name]), name
        assert float(gradient.abs().max()) > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_training_reaches_every_parameter_from_the_zero_start(kind):
    # Zeroed last layers block the way at first: each step opens the next stretch.
    torch.manual_seed(0)
    net = UNet(UNetConfig(**SMALL, kind=kind, attention=(1,)))
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(4):
        optimizer.zero_grad()
        ((net(slab(2, 3, 3, 6, 6), T) - slab(2, 1, 3, 6, 6, seed=9)) ** 2).mean().backward()
        optimizer.step()
    still = [name for name, p in net.named_parameters() if torch.equal(p, before[name])]
    assert still == []


def test_a_new_network_says_zero():
    net = UNet(UNetConfig(**SMALL, kind="3d"))
    assert not net(slab(1, 3, 4, 5, 6), T[:1]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_items_of_a_batch_do_not_influence_each_other(kind):
    net = made(kind=kind, attention=(1,))
    x = slab(2, 3, 3, 6, 5)
    alone = torch.cat([net(x[:1], T[:1]), net(x[1:], T[1:])])
    torch.testing.assert_close(net(x, T), alone, rtol=1e-5, atol=1e-5)


def test_the_noise_index_matters():
    net = made()
    x = slab(2, 3, 1, 6, 5)
    assert float((net(x, T) - net(x, T.flip(0))).detach().abs().max()) > 1e-3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"groups": 3}, "groups must divide the width of 8, got 3"),
        ({"groups": 16}, "groups must divide the width of 8, got 16"),
        ({"heads": 3}, r"heads must divide .*\[16\], got 3"),
        ({"heads": 16, "attention": (0,)}, r"heads must divide .*\[8, 16\], got 16"),
        ({"attention": (2,)}, r"attention must name levels 0 to 1, got \(2,\)"),
        ({"attention": (-1,)}, r"attention must be between 0 and 64, got -1"),
        ({"mult": ()}, r"mult must hold 1 to 8 numbers from 1 on, got \(\)"),
        ({"mult": (1, 0)}, r"mult must hold 1 to 8 numbers from 1 on, got \(1, 0\)"),
        ({"blocks": 0}, "blocks must be between 1 and 64, got 0"),
        ({"head_width": 3}, r"head_width must divide .*\[16\], got 3"),
        ({"kind": "3d", "position": True}, "position numbers slices"),
        ({"dropout": 1.5}, "dropout must be between"),
    ],
)
def test_a_size_that_cannot_be_built_is_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        UNetConfig(**SMALL | options)


def test_a_class_changes_the_answer_and_none_told_is_no_class():
    net = made(classes=3)
    x = slab(2, 3, 6, 5)
    answers = [net(x, T, label=torch.tensor(pair)) for pair in ([0, 2], [1, 2], [NO_CLASS] * 2)]
    differ = [float((a - b).detach().abs().max()) for a in answers for b in answers if a is not b]
    assert min(differ) > 1e-3
    torch.testing.assert_close(
        answers[0][1], answers[1][1]
    )  # items do not hear of each other's class
    assert torch.equal(net(x, T), answers[2])


@pytest.mark.parametrize("kind", ["2d", "pseudo3d"])
def test_a_slice_is_told_its_own_number(kind):
    net = made(kind=kind, position=True)
    x = slab(2, 3, 3, 6, 5)
    numbers = torch.tensor([[10.0, 11.0, 12.0], [70.0, 71.0, 72.0]])
    out = net(x, T, position=numbers)
    moved = net(x, T, position=numbers + torch.tensor([0.0, 0.0, 5.0]))
    changed = (out - moved).detach().abs().amax(dim=(1, 3, 4))
    assert bool((changed[:, 2] > 1e-3).all())
    if kind == "2d":
        assert not changed[:, :2].any()
        single = net(x[:, :, 1], T, position=numbers[:, 1])
        torch.testing.assert_close(out[:, :, 1], single, rtol=1e-5, atol=1e-5)


def test_what_a_network_is_not_made_for_is_refused():
    x = slab(2, 3, 6, 5)
    with pytest.raises(ConfigError, match="not made for"):
        made()(x, T, label=torch.tensor([0, 1]))
    with pytest.raises(ConfigError, match="not made for"):
        made()(x, T, position=torch.tensor([0.0, 1.0]))
    with pytest.raises(ConfigError, match="not told what it needs"):
        made(position=True)(x, T)


def test_being_told_more_leaves_the_other_initial_weights_as_they_are():
    torch.manual_seed(0)
    plain = UNet(UNetConfig(**SMALL)).state_dict()
    torch.manual_seed(0)
    told = UNet(UNetConfig(**SMALL, classes=2, position=True)).state_dict()
    assert told.keys() - plain.keys() == {"embed_class.weight"}
    assert all(torch.equal(told[name], value) for name, value in plain.items())


def test_scale_and_shift_doubles_what_an_embedding_gives():
    plain, both = made(), made(scale_shift=True)
    embedded = sum(p.numel() for name, p in plain.named_parameters() if ".embed." in f".{name}")
    assert count_parameters(both) - count_parameters(plain) == embedded
    x = slab(2, 3, 6, 5)
    assert float((both(x, T) - both(x, T.flip(0))).detach().abs().max()) > 1e-3


def test_count_parameters():
    assert count_parameters(torch.nn.Linear(3, 2)) == 8
