"""HD-BET, a network for heads of any contrast (Isensee 2019); its weights are installed by the user."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from brainfill.core.config import option
from brainfill.core.context import Context
from brainfill.core.errors import DataError, UnavailableError
from brainfill.core.threads import torch_threads
from brainfill.core.volume import Mask, Volume
from brainfill.preprocess.strippers._base import Stripper

CHECKPOINT = "fold_all/checkpoint_final.pth"
_FILES = ("plans.json", "dataset.json", CHECKPOINT)
_IMAGE, _MASK = "image.nii.gz", "brain.nii.gz"


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of HD-BET."""

    weights: str = option("", "folder of the weights; empty is HD-BET's own, in the home folder")
    tta: Literal["auto", "on", "off"] = option(
        "auto", "average over mirrored images, eight times the work; auto is off on a CPU"
    )


def missing(config: Config) -> str:
    """The first file of the weights that is not there, with its folder; empty when all are."""
    folder = weights_folder(config)
    for name in _FILES:
        if not (folder / name).is_file():
            return f"weights of HD-BET: found no '{name}' in '{folder}'"
    return ""


def build(config: Config) -> Stripper:
    """A stripper that runs HD-BET's own predictor; it never downloads."""

    def strip(image: Volume, ctx: Context) -> Mask:
        from HD_BET.paths import ZENODO_DOWNLOAD_URL

        if lacks := missing(config):
            hint = (
                f"unpack {ZENODO_DOWNLOAD_URL} there, name another folder with "
                "--set skullstrip.settings.weights=FOLDER, or use --skullstrip builtin"
            )
            raise UnavailableError(lacks, hint)
        check_plain(weights_folder(config) / CHECKPOINT)
        ctx.progress("finding the brain (HD-BET)", 0, 1)
        data = _predicted(image, config, ctx)
        ctx.progress("finding the brain (HD-BET)", 1, 1)
        return Mask(data > 0, image.grid)

    return strip


def check_plain(path: Path) -> None:
    """Refuse a checkpoint that is more than numbers and plain data.

    nnU-Net unpickles the file without restrictions, which may run code; what passes here cannot.

    Raises:
        DataError: it holds other things, or is no checkpoint.
    """
    import pickle

    import torch

    try:
        with torch.serialization.safe_globals(_number_types()):
            torch.load(path, map_location="meta", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        msg = f"'{path}' is no checkpoint of plain numbers; it could run code and is not opened"
        raise DataError(
            msg, "download the weights again from where HD-BET publishes them"
        ) from error


def _number_types() -> list[Any]:
    # nnU-Net logs losses as NumPy numbers, which unpickle through these.
    scalar = np.float64(0).__reduce__()[0]
    kinds = [type(np.dtype(t)) for t in (np.float32, np.float64, np.int64)]
    return [np.dtype, scalar, (scalar, "numpy.core.multiarray.scalar"), *kinds]


def weights_folder(config: Config) -> Path:
    """Where the weights are, or would have to be."""
    from HD_BET.paths import folder_with_parameter_files

    return Path(config.weights or folder_with_parameter_files)


def _predicted(image: Volume, config: Config, ctx: Context) -> Any:  # noqa: ANN401 - an array
    import nibabel as nib
    import torch

    use_tta = config.tta == "on" or (config.tta == "auto" and ctx.device != "cpu")
    with tempfile.TemporaryDirectory(prefix="brainfill-") as name, _quiet(), torch_threads(ctx):
        folder = Path(name)
        nib.save(nib.Nifti1Image(image.data, image.grid.affine), folder / _IMAGE)
        threads = torch.get_num_threads()
        predictor = _predictor(weights_folder(config), use_tta, torch.device(ctx.device))
        torch.set_num_threads(threads)  # HD-BET takes every core
        # In this process; predict_from_files would start twelve for the one image.
        predictor.predict_from_files_sequential(
            [[str(folder / _IMAGE)]], [str(folder / _MASK)], overwrite=True
        )
        return np.asarray(nib.load(folder / _MASK).dataobj)


def _predictor(folder: Path, use_tta: bool, device: Any) -> Any:  # noqa: ANN401 - of nnU-Net
    from HD_BET import hd_bet_prediction

    usual = hd_bet_prediction.folder_with_parameter_files
    hd_bet_prediction.folder_with_parameter_files = str(folder)
    try:
        return hd_bet_prediction.get_hdbet_predictor(use_tta=use_tta, device=device)
    finally:
        hd_bet_prediction.folder_with_parameter_files = usual


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing of nnU-Net on stdout, which belongs to results; HD-BET replaces it when imported."""
    ours = sys.stdout
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            import HD_BET.hd_bet_prediction  # noqa: F401 - here its replacement is undone

            sys.stdout = io.StringIO()
            yield
    finally:
        sys.stdout = ours
