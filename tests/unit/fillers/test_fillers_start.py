"""What models start from: fills on the scan's own grid."""

from dataclasses import replace

import numpy as np
import pytest

from brainfill.bundles.store import Card, save_bundle
from brainfill.core.context import Context
from brainfill.core.grid import Grid
from brainfill.core.volume import Mask, Volume
from brainfill.fillers import patch
from brainfill.fillers._start import bridged_start, patched_start
from brainfill.fillers.diffusion import Config, build
from brainfill.interpolation.nonlocal_patches import PatchConfig, patch_fill_with_doubts
from brainfill.models import memory3d

SHAPE = (26, 24, 22)
BALL = np.linalg.norm(np.indices(SHAPE) - 12, axis=0) <= 3


def tissue(spacing=(1.0, 1.0, 1.0)):
    """Two tissues with a straight border, in noise."""
    rng = np.random.default_rng(0)
    data = np.where(np.indices(SHAPE)[0] > 11, 1200, 900) + rng.normal(0, 30, SHAPE)
    return Volume(data.astype(np.float32), Grid(SHAPE, np.diag([*spacing, 1.0])))


def test_views_are_averaged_with_their_doubts():
    image = tissue()
    hole = Mask(BALL, image.grid)
    views = [PatchConfig(radius_vox=2.0), PatchConfig(neighbours=50)]
    fills, doubts = zip(
        *(patch_fill_with_doubts(image, hole, view, Context()) for view in views), strict=True
    )
    start = patched_start(image, hole, views, [], Context())
    np.testing.assert_allclose(start.image, np.mean(fills, axis=0), rtol=1e-6)
    np.testing.assert_allclose(start.doubts, np.mean(doubts, axis=0)[:, BALL], rtol=1e-6)
    np.testing.assert_array_equal(start.drawn, start.image[BALL][None])
    np.testing.assert_array_equal(start.image[~BALL], image.data[~BALL])


def test_samples_start_from_draws_of_their_own_seed():
    image = tissue()
    hole = Mask(BALL, image.grid)
    both = patched_start(image, hole, [PatchConfig()], [5, 6], Context(seed=1)).drawn
    six = patched_start(image, hole, [PatchConfig()], [6], Context(seed=2)).drawn
    assert (both[0] != both[1]).any()
    np.testing.assert_array_equal(both[1:], six)


def test_only_the_first_run_warns_and_all_show_progress():
    image = tissue()
    image = image.like(np.where(BALL, image.data, 0))  # nothing but background around the hole
    said, stages = [], set()
    ctx = Context(warn=said.append, progress=lambda stage, *_: stages.add(stage))
    patched_start(image, Mask(BALL, image.grid), [PatchConfig()] * 2, [3], ctx)
    assert len(said) == 1
    assert stages == {f"first fill, {n} of 3" for n in (1, 2, 3)}


def test_other_models_start_from_the_nearest_known_value():
    image = tissue()
    start = bridged_start(image, Mask(BALL, image.grid), 2)
    assert (start.drawn.shape, start.doubts.shape) == ((2, BALL.sum()), (0, BALL.sum()))
    assert np.isin(start.image, image.data[~BALL]).all()
    np.testing.assert_array_equal(start.drawn[1], start.image[BALL])


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 0.7), (1.0, 1.0, 3.0), (2.0, 2.0, 2.0)])
def test_a_model_that_changes_nothing_leaves_the_fill_of_the_scans_own_grid(tmp_path, spacing):
    inpainter = memory3d.build(replace(memory3d.PRESETS["tiny"], first_fill="patch"))
    weights = dict(inpainter.net.named_parameters())  # untrained: nothing is corrected
    save_bundle(tmp_path, inpainter, weights, Card(family="memory3d", steps=1), "")
    image = tissue(spacing)
    hole = Mask(BALL, image.grid)
    ours = Config(model=str(tmp_path), quality="fast", match_ring=False)
    found = build(ours)(image, hole, Context()).values
    expected = patch.build(inpainter.config.patch)(image, hole, Context()).values
    np.testing.assert_allclose(found[BALL], expected[BALL], rtol=1e-5)
