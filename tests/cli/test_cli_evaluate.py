"""`brainfill evaluate fill`: what it prints, and what it refuses."""

import json

import numpy as np
import pytest
from cli_files import AFFINE, save


@pytest.fixture
def trio(tmp_path, head, lesion):
    """Prediction, truth and mask on disk; the prediction is 12 off in the mask."""
    return [
        save(tmp_path / "pred.nii", head + 12 * lesion.astype(np.int16)),
        save(tmp_path / "ref.nii.gz", head),
        save(tmp_path / "mask.nii", lesion),
    ]


def test_an_aligned_table(call, trio):
    outcome = call("evaluate", "fill", *trio)
    assert (outcome.code, outcome.err) == (0, "")
    rows = [line.split() for line in outcome.out.splitlines()]
    assert [name for name, _ in rows][:5] == ["ssim_brats", "ssim3d", "psnr_01", "mse", "mae"]
    assert len({len(line) for line in outcome.out.splitlines()}) == 1


def test_json_by_hand(call, trio, head, lesion):
    figures = json.loads(call("evaluate", "fill", *trio, "--json").out)
    low, high = np.percentile(np.where(lesion > 0, 0, head), [0.5, 99.5])
    truth = head[lesion > 0].astype(float)
    error = np.clip(truth + 12, low, high) - np.clip(truth, low, high)
    assert figures["mae"] == pytest.approx(error.mean() / (high - low), rel=1e-4)
    assert figures["psnr_01"] == pytest.approx(-10 * np.log10(figures["mse"]), rel=1e-4)


def test_undefined_figures_are_null_and_na(call, trio):
    equal = [trio[1], *trio[1:]]
    assert json.loads(call("evaluate", "fill", *equal, "--json").out)["psnr_01"] is None
    assert "n/a" in call("evaluate", "fill", *equal).out


def test_a_voided_image_is_used(call, trio, head, tmp_path):
    voided = save(tmp_path / "voided.nii", head * 3)
    plain, scaled = (
        json.loads(call("evaluate", "fill", *trio, "--json", *more).out)["mae"]
        for more in ([], ["--voided", voided])
    )
    assert scaled < plain / 2


def test_a_file_that_is_missing(call, trio):
    outcome = call("evaluate", "fill", "none.nii", *trio[1:])
    assert (outcome.code, outcome.out) == (66, "")
    assert "none.nii" in outcome.err


def test_images_in_different_places(call, trio, head, tmp_path):
    moved = save(tmp_path / "moved.nii", head, AFFINE + np.diag([0, 0, 0.2, 0]))
    outcome = call("evaluate", "fill", moved, *trio[1:])
    assert outcome.code == 65
    assert "reference of" in outcome.err


def test_a_mask_in_another_place_names_both_files(call, trio, lesion):
    save(trio[2], lesion, AFFINE + np.diag([0, 0, 0.2, 0]))
    outcome = call("evaluate", "fill", *trio)
    assert outcome.code == 65
    assert "mask.nii" in outcome.err
    assert "ref.nii.gz" in outcome.err


def test_an_empty_mask(call, trio, lesion):
    save(trio[2], lesion * 0)
    outcome = call("evaluate", "fill", *trio)
    assert (outcome.code, "is empty" in outcome.err) == (65, True)


def test_without_a_subcommand_it_explains(call):
    outcome = call("evaluate")
    assert outcome.code == 2
    assert "fill" in outcome.out + outcome.err
