"""Bundles on disk: what is saved comes back, and what is wrong with a folder is named."""

import dataclasses
import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from brainfill.bundles import store
from brainfill.bundles.store import (
    Card,
    find,
    load_bundle,
    read_card,
    save_bundle,
    sha256,
)
from brainfill.core.config import override, to_dict
from brainfill.core.errors import ConfigError, UnavailableError
from brainfill.models import memory3d
from brainfill.segmentation import blocks
from brainfill.segmentation._base import Segmenter

CONFIG = override(memory3d.PRESETS["tiny"], ["crop_vox=[8,10,12]", "residual_scale=0.07"])
CARD = Card(
    name="probe",
    version="7",
    family="memory3d",
    spacing_mm=1.5,
    sampler="heun",
    steps=4,
    walk={"last_x0_steps": 1},
    licence="CC0",
    citation="Nobody 1900",
    data="2 scans: a, b",
    lesions={"T1w": {"median": 0.75, "grain": 0.04}},
    made_by="a test",
    metrics={"mae": {"mean": 0.25, "n": 3}},
)


def untrained(config=CONFIG, seed=0):
    """A network whose output is not zero."""
    torch.manual_seed(seed)
    inpainter = memory3d.build(config)
    with torch.no_grad():
        for p in inpainter.net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return inpainter


def answer(inpainter):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        return inpainter.net(
            torch.randn((1, CONFIG.unet.inputs, 8, 10, 12), generator=generator),
            torch.tensor([9.0]),
        )


def edit_card(folder, **changes):
    plain = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(plain | changes))


@pytest.fixture
def saved(tmp_path):
    """A bundle on disk and the network it holds."""
    inpainter, folder = untrained(), tmp_path / "some" / "probe"
    save_bundle(folder, inpainter, dict(inpainter.net.named_parameters()), CARD, "# probe\n")
    return folder, inpainter


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A shelf of two shipped models and a folder that is none."""
    for name in ("fill-small", "fill-large"):
        (tmp_path / "shelf" / name).mkdir(parents=True)
        (tmp_path / "shelf" / name / "config.json").write_text("{}")
    (tmp_path / "shelf" / "draft").mkdir()
    monkeypatch.setattr(store, "_SHIPPED", tmp_path / "shelf")
    return tmp_path / "shelf"


def test_a_loaded_network_answers_as_the_saved_one_with_weights_in_half_precision(saved):
    folder, inpainter = saved
    loaded = load_bundle(find(str(folder))).model
    exact = answer(inpainter)
    with torch.no_grad():
        for p in inpainter.net.parameters():
            p.copy_(p.half())
    assert torch.equal(answer(loaded), answer(inpainter))
    # Half precision keeps eleven bits of each weight.
    assert 0 < float((answer(loaded) - exact).abs().max()) < 0.01 * float(exact.abs().max())


def test_a_loaded_network_is_ready_for_use(saved):
    net = load_bundle(saved[0]).model.net
    assert not net.training
    assert {(p.dtype, p.requires_grad) for p in net.parameters()} == {(torch.float32, False)}


def test_every_field_of_the_card_survives(saved):
    folder, inpainter = saved
    written = dataclasses.replace(
        CARD, config=to_dict(CONFIG), weights_sha256=sha256(folder / "model.safetensors")
    )
    bundle = load_bundle(folder)
    assert bundle.card == written
    assert bundle.model.config == inpainter.config == CONFIG
    # Otherwise a field that is always left at its default would pass.
    unlike_default = [f.name for f in dataclasses.fields(Card) if f.name != "format"]
    assert all(getattr(written, name) != getattr(Card(), name) for name in unlike_default)


def test_the_card_cannot_claim_other_weights_or_settings(tmp_path):
    inpainter = untrained()
    lie = dataclasses.replace(CARD, format=9, config={"crop_vox": [1]}, weights_sha256="0" * 64)
    save_bundle(tmp_path, inpainter, dict(inpainter.net.named_parameters()), lie, "")
    assert load_bundle(tmp_path).model.config == CONFIG


def test_a_bundle_is_three_files_and_none_is_a_pickle(saved):
    folder, _ = saved
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    assert (folder / "README.md").read_text() == "# probe\n"
    tensors = load_file(folder / "model.safetensors")
    assert {t.dtype for t in tensors.values()} == {torch.float16}


def test_an_earlier_bundle_in_the_folder_is_replaced(saved):
    folder, _ = saved
    other = untrained(override(CONFIG, ["unet.width=4"]), seed=5)
    save_bundle(folder, other, dict(other.net.named_parameters()), CARD, "# again\n")
    assert load_bundle(folder).model.config.unet.width == 4
    assert (folder / "README.md").read_text() == "# again\n"


def test_weights_that_are_not_those_of_the_card_are_refused_by_both_checksums(saved):
    folder, _ = saved
    weights = folder / "model.safetensors"
    before = sha256(weights)
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    with pytest.raises(UnavailableError, match="weights of model 'probe' are damaged") as info:
        load_bundle(folder)
    assert before != sha256(weights)
    assert f"SHA-256 {sha256(weights)[:12]}..., its card says {before[:12]}..." in str(info.value)


def test_the_checksum_is_that_of_other_programs(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert sha256(tmp_path / "abc") == known


def test_missing_weights_are_named(saved):
    folder, _ = saved
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnavailableError, match=r"'probe' has no weights: .*model\.safetensors' is"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not JSON", "cannot read the model card: .* is not JSON: Expecting value"),
        (b"\xff\xfe\x00", "cannot read the model card: .* is not text in UTF-8"),
        (b"[1, 2]", "cannot read the model card: .* holds a list, expected a JSON object"),
        (b'{"format": 2, "novelty": 1}', "has format 2, this version reads up to 1"),
    ],
)
def test_cards_that_cannot_be_read_are_unavailable(saved, content, sentence):
    folder, _ = saved
    (folder / "config.json").write_bytes(content)
    with pytest.raises(UnavailableError, match=sentence) as info:
        load_bundle(folder)
    assert info.value.hint


def test_a_folder_without_a_card_cannot_be_read(tmp_path):
    with pytest.raises(UnavailableError, match=r"cannot read the model card: .*config\.json"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence", "hint"),
    [
        ({"licens": "MIT"}, r"unknown setting '.*config\.json: licens'", "did you mean 'licence'?"),
        ({"steps": "ten"}, r"config\.json: steps' must be a whole number, got 'ten'", ""),
        ({"steps": 0}, "steps must be between 1 and 1000, got 0", ""),
        ({"family": "memory4d"}, "unknown model 'memory4d'", "did you mean 'memory3d'?"),
        ({"config": {"crops": [8, 8, 8]}}, r"unknown setting '.*config\.crops'", "crop_vox"),
    ],
)
def test_cards_with_settings_that_do_not_exist_are_refused(saved, changes, sentence, hint):
    folder, _ = saved
    edit_card(folder, **changes)
    with pytest.raises(ConfigError, match=sentence) as info:
        load_bundle(folder)
    assert hint in info.value.hint


@pytest.mark.parametrize("what", ["another network", "a tensor less", "no safetensors"])
def test_weights_of_another_network_are_refused(saved, what):
    folder, _ = saved
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    if what == "another network":
        edit_card(folder, config=to_dict(override(CONFIG, ["unet.width=4"])))
    elif what == "a tensor less":
        tensors.pop("last.bias")
        save_file(tensors, weights)
    else:
        weights.write_bytes(b"anything")
    edit_card(folder, weights_sha256=sha256(weights))
    with pytest.raises(UnavailableError, match=r"to the network on their card: .") as info:
        load_bundle(folder)
    assert "\n" not in str(info.value)


def test_shipped_models_are_the_folders_with_a_card(shipped):
    assert store.names() == ["fill-large", "fill-small"]
    assert find("fill-small") == shipped / "fill-small"


def test_a_name_means_the_shipped_model_before_a_folder_of_that_name(
    shipped, saved, tmp_path, monkeypatch
):
    saved[0].rename(tmp_path / "fill-small")
    (tmp_path / "mine").symlink_to(tmp_path / "fill-small")
    monkeypatch.chdir(tmp_path)
    assert find("fill-small") == shipped / "fill-small"
    assert find("./fill-small").resolve() == tmp_path / "fill-small"
    assert read_card(find("mine")).name == "probe"


@pytest.mark.parametrize("name", ["fill-smal", "draft", "", "nowhere/at/all"])
def test_unknown_models_list_the_shipped_ones_and_hint(shipped, name):
    with pytest.raises(UnavailableError, match=f"no model '{name}'; shipped: fill-large, ") as info:
        find(name)
    close = "did you mean 'fill-small'?"
    assert info.value.hint == close if name == "fill-smal" else "give a name" in info.value.hint


def test_an_empty_shelf_is_said_to_hold_none(shipped):
    for card in shipped.glob("*/config.json"):
        card.unlink()
    assert store.names() == []
    with pytest.raises(UnavailableError, match="no model 'x'; shipped: none"):
        find("x")


def test_a_model_that_fills_cannot_segment(saved):
    edit_card(saved[0], lesions={})
    with pytest.raises(ConfigError, match="'probe' is of the wrong kind: it fills holes") as info:
        load_bundle(saved[0], store.SEGMENTERS)
    assert info.value.hint == "see: brainfill list models"


def test_a_model_that_segments_cannot_fill(tmp_path):
    segmenter = blocks.build(blocks.PRESETS["tiny"])
    weights = dict(segmenter.net.named_parameters())
    save_bundle(tmp_path, segmenter, weights, Card(name="brain", family="blocks"), "")
    words = r"'brain' is of the wrong kind: it finds the class of voxels \(family 'blocks'\), and one is needed that fills"
    with pytest.raises(ConfigError, match=words):
        load_bundle(tmp_path, store.INPAINTERS)
    assert load_bundle(tmp_path, store.SEGMENTERS).model.config == segmenter.config


def test_buffers_of_a_network_come_back_exactly_and_its_parameters_in_half_precision(
    tmp_path, monkeypatch
):
    def normed(config):
        net = nn.Sequential(nn.Conv3d(1, 2, 1), nn.BatchNorm3d(2))
        return Segmenter(config, net)

    model = normed(blocks.PRESETS["tiny"])
    torch.manual_seed(0)
    for _ in range(3):
        model.net(100 * torch.randn(2, 1, 3, 4, 5) + 7)
    model.net[1].num_batches_tracked.fill_(70_001)  # float16 has no such number
    kept = model.net.state_dict()
    save_bundle(tmp_path, model, kept, Card(name="normed", family="blocks"), "")
    monkeypatch.setattr(blocks, "build", normed)
    found = load_bundle(tmp_path).model.net.state_dict()
    assert found.keys() == kept.keys()
    for name, tensor in kept.items():
        buffer = name.startswith(("1.running", "1.num"))
        assert torch.equal(found[name], tensor if buffer else tensor.half().float())
        assert found[name].dtype == tensor.dtype
    assert not torch.equal(kept["1.running_var"], kept["1.running_var"].half().float())
