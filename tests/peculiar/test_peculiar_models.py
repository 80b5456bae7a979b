"""Models as hands and other programs change them: cards, sizes, weights."""

import json
import struct

import pytest
import torch
from peculiar import case
from safetensors.torch import load_file, save_file

from brainfill.bundles.store import Card, save_bundle, sha256
from brainfill.core.config import override
from brainfill.core.errors import DataError
from brainfill.models import memory3d

CONFIG = override(
    memory3d.PRESETS["tiny"],
    ["crop_vox=[8,8,8]", "first_fill=harmonic", "unet.width=4", "unet.mult=[1]"],
)


@pytest.fixture
def model(tmp_path):
    """A small untrained model; its folder."""
    inpainter = memory3d.build(CONFIG)
    folder = tmp_path / "model"
    save_bundle(
        folder,
        inpainter,
        dict(inpainter.net.named_parameters()),
        Card(name="m", family="memory3d"),
        "",
    )
    return folder


@pytest.fixture
def fill(call, head, save, tmp_path, model):
    """Fill with the model; the outcome, which has written nothing unless it went well."""
    part = slice(40, 70)
    box = (part, part, part)
    head.mask[:] = 0
    head.mask[52:56, 52:56, 52:56] = 1
    t1 = save("t1.nii.gz", head.t1[box], head.affine)
    mask = save("m.nii.gz", head.mask[box], head.affine)

    def run(*more):
        out = tmp_path / "o.nii.gz"
        outcome = call("fill", t1, mask, "-o", out, "--model", model, "--quality", "fast", *more)
        assert out.exists() == (outcome.code == 0)
        return outcome

    return run


def rewrite(folder, tensors=None, contents=None, **changes):
    """Replace the weights, or settings of the card, and let the checksum be right."""
    weights, card = folder / "model.safetensors", folder / "config.json"
    if tensors is not None:
        save_file(tensors, weights)
    if contents is not None:
        weights.write_bytes(contents)
    plain = json.loads(card.read_text()) | {"weights_sha256": sha256(weights)}
    for key, value in changes.items():
        node = plain
        *path, last = key.split("__")
        for part in path:
            node = node[part]
        node[last] = value
    card.write_text(json.dumps(plain))


def refused(outcome, code, *said):
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    assert "error: " in outcome.err
    assert len(outcome.err) < 3000  # the settings of a run come before its error
    for word in said:
        assert word in outcome.err


@case("a model as it was exported", "it fills")
def test_a_good_model(fill):
    outcome = fill()
    assert outcome.code == 0, outcome.err


@case("weights of NaN, of infinity or of 1e30, whose checksum is right", "refused, exit 69")
@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e30])
def test_weights_that_are_none(fill, model, number):
    tensors = load_file(model / "model.safetensors")
    name = list(tensors)[1]
    tensors[name] = tensors[name].float()
    tensors[name].view(-1)[0] = number
    rewrite(model, tensors)
    refused(fill(), 69, "cannot be used", name)


@case("weights that are not finite in half precision", "are never exported")
@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e5])
def test_weights_that_diverged(tmp_path, number):
    inpainter = memory3d.build(CONFIG)
    weights = {name: torch.full_like(p, number) for name, p in inpainter.net.named_parameters()}
    with pytest.raises(DataError, match="half precision"):
        save_bundle(tmp_path / "model", inpainter, weights, Card(name="m", family="memory3d"), "")
    assert not (tmp_path / "model").exists()


@case(
    "a card with a network of 10^6 channels, of 64 blocks, of 100 levels or of billions of weights",
    "refused before memory is taken, exit 2",
)
@pytest.mark.parametrize(
    "changes",
    [
        {"config__unet__width": 10**6},
        {"config__unet__width": 10**30},
        {"config__unet__blocks": 10**9},
        {"config__unet__mult": [1] * 100},
        {"config__unet__mult": []},
        {"config__unet__width": 1024, "config__unet__mult": [1, 64]},
    ],
)
def test_huge_networks(fill, model, changes):
    rewrite(model, **changes)
    refused(fill(), 2)


@case("the same by --set of `train`", "refused before memory is taken, exit 2")
@pytest.mark.parametrize("setting", ["width=1000000", "width=1024", "blocks=100000", "width=1e400"])
def test_huge_networks_to_train(call, tmp_path, setting):
    import numpy as np

    from brainfill.train.pack import Pack, save_pack

    volume = np.full((12, 11, 13), 200, np.uint8)
    save_pack(Pack(["sub-01"], [volume], []), tmp_path / "pack.npz")
    out = tmp_path / "run"
    words = ("--family", "memory3d", "--preset", "tiny", "--set", f"model.unet.{setting}")
    refused(call("train", "--data", tmp_path / "pack.npz", "-o", out, *words), 2)
    assert not (out / "bundle").exists()


@case("a card with infinite `residual_scale`, NaN as voxel size, 10^400 steps", "refused, exit 2")
@pytest.mark.parametrize(
    "changes",
    [
        {"config__residual_scale": float("inf")},
        {"config__residual_scale": float("nan")},
        {"config__trust": float("inf")},
        {"config__crop_vox": [10**9] * 3},
        {"config__window_vox": -1},
        {"spacing_mm": float("nan")},
        {"spacing_mm": 1e300},
        {"steps": 10**400},
        {"steps": 0},
        {"sampler": "../../x"},
        {"family": "../../x"},
        {"family": "_base"},
        {"config__unet__kind": "4d"},
    ],
)
def test_cards_with_numbers_without_end(fill, model, changes):
    rewrite(model, **changes)
    refused(fill(), 2)


@case(
    "a card that is nested 100,000 deep, empty, a list, binary, of a later format, or a folder",
    "refused, exit 69",
)
def test_cards_that_are_none(fill, model):
    card = model / "config.json"
    for contents in (b"[" * 100_000, b'{"a":' * 100_000, b"", b"[]", b"\xff\0", b'{"format": 99}'):
        card.write_bytes(contents)
        refused(fill(), 69)
    card.unlink()
    card.mkdir()
    refused(fill(), 69)


@case(
    "weights whose header is cut, longer than the file, no JSON, nested, or names other types and places",
    "refused, exit 69",
)
@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b'{"a":' * 30_000,
        b'{"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [18446744073709551615, 2], "data_offsets": [0, 4]}}',
        b'{"first.weight": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}',
        b'{"first.weight": {"dtype": "BOOL", "shape": [4], "data_offsets": [0, 4]}}',
        b'{"first.weight": {"dtype": "C64", "shape": [0], "data_offsets": [0, 0]}}',
    ],
)
def test_odd_headers_of_weights(fill, model, header):
    for length in (len(header), 2**62, 0):
        rewrite(model, contents=struct.pack("<Q", length) + header + bytes(4))
        refused(fill(), 69)
    rewrite(model, contents=header)
    refused(fill(), 69)
