"""A bundle is a folder: config.json (the card), model.safetensors (the weights), README.md.

The card carries the SHA-256 of the weights, which is checked at every load. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brainfill.core.config import check_ranges, from_dict, option, to_dict
from brainfill.core.errors import UnavailableError
from brainfill.core.registry import did_you_mean, load

if TYPE_CHECKING:
    from torch import Tensor, nn

    from brainfill.models._base import Inpainter

FORMAT = 1
CARD, WEIGHTS, ABOUT = "config.json", "model.safetensors", "README.md"
_SHIPPED = Path(__file__).parent
_AGAIN = "install the model again"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a bundle says about itself."""

    name: str = option("", "name of the model")
    version: str = option("1", "version of the weights")
    format: int = option(FORMAT, "layout of the bundle", low=1)
    family: str = option("", "model family, a module of brainfill.models")
    config: dict[str, Any] = option({}, "configuration of the family")
    spacing_mm: float = option(1.0, "voxel size the model works at", unit="mm", low=0.1, high=10)
    sampler: str = option("ddim", "sampler used unless another is asked for")
    steps: int = option(10, "steps used unless others are asked for", low=1, high=1000)
    licence: str = option("", "terms of the weights")
    citation: str = option("", "what to cite")
    data: str = option("", "what the model was trained on")
    made_by: str = option("", "command and settings of the training run")
    metrics: dict[str, Any] = option({}, "figures on people the model never saw")
    weights_sha256: str = option("", "checksum of the weights")

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Bundle:
    """A loaded model with its card."""

    card: Card
    inpainter: Inpainter


def names() -> list[str]:
    """Models shipped with the package."""
    return sorted(p.parent.name for p in _SHIPPED.glob(f"*/{CARD}"))


def find(name: str) -> Path:
    """Folder of a shipped model, or of a bundle given by its path.

    Raises:
        UnavailableError: neither exists.
    """
    if name in names():
        return _SHIPPED / name
    if (Path(name) / CARD).is_file():
        return Path(name)
    msg = f"no model '{name}'; shipped: {', '.join(names()) or 'none'}"
    hint = (
        did_you_mean(name, names()) or f"give a name, or a folder that holds {CARD} and {WEIGHTS}"
    )
    raise UnavailableError(msg, hint)


def read_card(folder: Path) -> Card:
    """The card of a bundle.

    Raises:
        UnavailableError: it is not a JSON object, or of a later format.
        ConfigError: a key or type is not that of a card.
    """
    path = folder / CARD
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"cannot read the model card '{path}': {error}"
        raise UnavailableError(msg, _AGAIN) from error
    if not isinstance(plain, dict):
        msg = f"cannot read the model card '{path}': expected a JSON object, found {plain!r:.40}"
        raise UnavailableError(msg, _AGAIN)
    # Before the keys, since a later format may have others.
    if isinstance(found := plain.get("format"), int) and found > FORMAT:
        msg = f"model '{folder}' has format {found}, this version reads up to {FORMAT}"
        raise UnavailableError(msg, "update brainfill")
    return from_dict(Card, plain, where=f"{path}: ")


def load_bundle(folder: Path) -> Bundle:
    """Read, check and build the model in a folder, ready for use on the CPU in float32.

    Raises:
        UnavailableError: weights are missing, damaged, or do not belong to the card.
        ConfigError: the card names an unknown family, or settings its family does not have.
    """
    card = read_card(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        msg = f"model '{card.name}' has no weights: '{weights}' is missing"
        raise UnavailableError(msg, _AGAIN)
    found = sha256(weights)
    if found != card.weights_sha256:
        msg = (
            f"weights of model '{card.name}' are damaged: '{weights}' has SHA-256 {found[:12]}..., "
            f"its card says {card.weights_sha256[:12]}..."
        )
        raise UnavailableError(msg, _AGAIN)
    family = load("brainfill.models", card.family)
    config = from_dict(family.Config, card.config, where=f"{folder / CARD}: config.")
    inpainter: Inpainter = family.build(config)
    _fill_in(inpainter.net, weights)
    inpainter.net.eval().requires_grad_(False)
    return Bundle(card, inpainter)


def _fill_in(net: nn.Module, weights: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {name: tensor.float() for name, tensor in load_file(weights).items()}
        net.load_state_dict(tensors)
    except (SafetensorError, RuntimeError) as error:
        first_line = str(error).partition("\n")[0]
        msg = f"weights '{weights}' do not belong to the network on their card: {first_line}"
        raise UnavailableError(msg, _AGAIN) from error


def save_bundle(
    folder: Path, inpainter: Inpainter, weights: Mapping[str, Tensor], card: Card, about: str
) -> None:
    """Write a bundle with its weights in float16; the checksum and configuration are filled in.

    Args:
        folder: made if needed; the files of an earlier bundle there are replaced.
        inpainter: gives the configuration.
        weights: tensors by parameter name, usually averaged over training.
        card: everything but `config`, `format` and `weights_sha256`.
        about: text of the README.
    """
    import torch
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    half = {name: t.detach().cpu().to(torch.float16).contiguous() for name, t in weights.items()}
    # One entry: safetensors writes several in random order, and the checksum would change each time.
    # Written by us, since save_file leaves a file that other users cannot read.
    (folder / WEIGHTS).write_bytes(save(half, metadata={"family": card.family}))
    filled = to_dict(card) | {
        "config": to_dict(inpainter.config),
        "format": FORMAT,
        "weights_sha256": sha256(folder / WEIGHTS),
    }
    (folder / CARD).write_text(json.dumps(filled, indent=2) + "\n", encoding="utf-8")
    (folder / ABOUT).write_text(about, encoding="utf-8")


def sha256(path: Path) -> str:
    """Checksum of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
