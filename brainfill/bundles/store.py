"""A bundle is a folder: config.json (the card), model.safetensors (the weights), README.md.

The card carries the SHA-256 of the weights, which is checked at every load. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from brainfill.core.atomic import make_folder, replacing
from brainfill.core.config import check_ranges, from_dict, option, to_dict
from brainfill.core.documents import read_json
from brainfill.core.errors import BrainfillError, ConfigError, DataError, UnavailableError
from brainfill.core.registry import did_you_mean, load
from brainfill.core.registry import names as modules

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT = 1
CARD, WEIGHTS, ABOUT = "config.json", "model.safetensors", "README.md"
_SHIPPED = Path(__file__).parent
_AGAIN = "install the model again"
_LARGEST = 65504.0  # of float16, in which bundles are written
# Registries of families. What the models of one do is said in the registry itself.
INPAINTERS, SEGMENTERS = "brainfill.models", "brainfill.segmentation"
FAMILIES = (INPAINTERS, SEGMENTERS)


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a bundle says about itself."""

    name: str = option("", "name of the model")
    version: str = option("1", "version of the weights")
    format: int = option(FORMAT, "layout of the bundle", low=1, high=1000)
    family: str = option("", "module of brainfill.models or brainfill.segmentation")
    config: dict[str, Any] = option({}, "configuration of the family")
    spacing_mm: float = option(1.0, "voxel size the model works at", unit="mm", low=0.1, high=10)
    sampler: str = option("ddim", "sampler of a model that fills, unless another is asked for")
    steps: int = option(10, "its steps, unless others are asked for", low=1, high=1000)
    walk: dict[str, Any] = option({}, "what else is to be known of its walk, such as last_x0_steps")
    licence: str = option("", "terms of the weights")
    citation: str = option("", "what to cite")
    data: str = option("", "what the model was trained on")
    lesions: dict[str, dict[str, float]] = option(
        {},
        "of a painter: by contrast, how bright lesions of its training data are, in units of the tissue around",
        low=0,
        high=100,
    )
    made_by: str = option("", "command and settings of the training run")
    metrics: dict[str, Any] = option({}, "figures on people the model never saw")
    weights_sha256: str = option("", "checksum of the weights")

    def __post_init__(self) -> None:
        check_ranges(self)


class Model(Protocol):
    """A network and what must be known to use it."""

    @property
    def config(self) -> Any:  # noqa: ANN401 - the Config of its family
        """Settings of the family."""

    @property
    def net(self) -> nn.Module:
        """Everything a bundle keeps: parameters, and buffers that are part of the state."""


M = TypeVar("M")


@dataclass(frozen=True)
class Bundle(Generic[M]):
    """A loaded model with its card."""

    card: Card
    model: M


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
        plain = read_json(path)
    except BrainfillError as error:
        msg = f"cannot read the model card: {error}"
        raise UnavailableError(msg, _AGAIN) from error
    # Before the keys, since a later format may have others.
    if isinstance(found := plain.get("format"), int) and found > FORMAT:
        msg = f"model '{folder}' has format {found}, this version reads up to {FORMAT}"
        raise UnavailableError(msg, "update brainfill")
    return from_dict(Card, plain, where=f"{path}: ")


def load_bundle(folder: Path, needs: str = "") -> Bundle[Any]:
    """Read, check and build the model in a folder, ready for use on the CPU in float32.

    Args:
        folder: of the bundle.
        needs: registry that the family must be in, such as INPAINTERS; any of them if "".

    Raises:
        UnavailableError: weights are missing, damaged, or do not belong to the card.
        ConfigError: the card names an unknown family, one of another kind, or settings its family does not have.
    """
    card = read_card(folder)
    package = package_of(card.family)
    if needs not in ("", package):
        msg = (
            f"model '{card.name}' is of the wrong kind: it {what_it_does(card)} (family "
            f"'{card.family}'), and one is needed that {_does(needs)}"
        )
        raise ConfigError(msg, "see: brainfill list models")
    weights = folder / WEIGHTS
    if not weights.is_file():
        msg = f"model '{card.name}' has no weights: '{weights}' is missing"
        raise UnavailableError(msg, _AGAIN)
    digest = sha256(weights)
    if digest != card.weights_sha256:
        msg = (
            f"weights of model '{card.name}' are damaged: '{weights}' has SHA-256 {digest[:12]}..., "
            f"its card says {card.weights_sha256[:12]}..."
        )
        raise UnavailableError(msg, _AGAIN)
    family = load(package, card.family)
    config = from_dict(family.Config, card.config, where=f"{folder / CARD}: config.")
    model = family.build(config)
    _fill_in(model.net, weights)
    model.net.eval().requires_grad_(False)
    return Bundle(card, model)


def package_of(family: str) -> str:
    """The registry a model family is in; that of inpainters for an unknown one."""
    return next((package for package in FAMILIES if family in modules(package)), INPAINTERS)


def what_it_does(card: Card) -> str:
    """What a model is for, such as "fills holes"."""
    return "paints lesions" if card.lesions else _does(package_of(card.family))


def _does(package: str) -> str:
    does: str = import_module(package).DOES
    return does


def _fill_in(net: nn.Module, weights: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {name: _single(tensor) for name, tensor in load_file(weights).items()}
        net.load_state_dict(tensors)
    except (SafetensorError, OSError, RuntimeError, TypeError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        msg = f"weights '{weights}' do not belong to the network on their card: {first_line}"
        raise UnavailableError(msg, _AGAIN) from error
    if wrong := _not_finite(tensors):
        msg = f"weights '{weights}' cannot be used: {wrong} holds numbers that are not finite, or beyond {_LARGEST:g}"
        raise UnavailableError(msg, _AGAIN)


def _single(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _not_finite(tensors: Mapping[str, Tensor]) -> str:
    """The first tensor of fractions with values that no bundle holds; "" if there is none."""
    fractions = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    # NaN is not below anything.
    return next((n for n, t in fractions.items() if not bool((t.abs() <= _LARGEST).all())), "")


def save_bundle(
    folder: Path,
    model: Model,
    weights: Mapping[str, Tensor],
    card: Card,
    about: str,
) -> None:
    """Write a bundle with its parameters in float16; the checksum and configuration are filled in.

    Args:
        folder: made if needed; the files of an earlier bundle there are replaced.
        model: gives the configuration and tells parameters from buffers, which keep their precision: a count, or a
            running variance, may be none of the numbers of float16.
        weights: tensors by their names in the network, usually averaged over training.
        card: everything but `config`, `format` and `weights_sha256`.
        about: text of the README.

    Raises:
        ConfigError: the folder or a file in it cannot be written.
        DataError: a weight is no finite number in float16.
    """
    import torch
    from safetensors.torch import save

    parameters = {name for name, _ in model.net.named_parameters()}
    kept = {name: t.detach().cpu().contiguous() for name, t in weights.items()}
    half = {name: t.to(torch.float16) if name in parameters else t for name, t in kept.items()}
    if wrong := _not_finite(half):
        msg = f"the weights of '{card.name}' are not finite numbers in half precision ({wrong}), so they are not saved"
        raise DataError(msg, "train again, with a lower train.rate")
    # One entry: safetensors writes several in random order, and the checksum would change each time.
    data = save(half, metadata={"family": card.family})
    filled = to_dict(card) | {
        "config": to_dict(model.config),
        "format": FORMAT,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
    }
    make_folder(folder, "choose another folder with -o")
    with (
        ExitStack() as together
    ):  # an earlier bundle stays whole until all of this one is on the disk
        parts = [
            together.enter_context(replacing(folder / name)) for name in (WEIGHTS, CARD, ABOUT)
        ]
        parts[0].write_bytes(data)
        parts[1].write_text(json.dumps(filled, indent=2) + "\n", encoding="utf-8")
        parts[2].write_text(about, encoding="utf-8")


def sha256(path: Path) -> str:
    """Checksum of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
