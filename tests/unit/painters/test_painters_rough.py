"""Rough lesions: how bright they begin, from which level they are redrawn, and what must be left of them."""

import numpy as np
import pytest
import torch

from brainfill.bundles.store import find, load_bundle
from brainfill.core.config import override
from brainfill.core.context import Context
from brainfill.core.errors import ConfigError
from brainfill.diffusion.levels import ScheduleConfig
from brainfill.diffusion.walk import build_walk
from brainfill.models._inpainter import Inpainter
from brainfill.painters import coarse, guided
from brainfill.painters._base import Canvas
from brainfill.painters._rough import RoughConfig, kept_contrast, rough_lesion, start_walk
from brainfill.painters.conditional import Config as ConditionalConfig

LINEAR = ScheduleConfig().build()


@pytest.fixture
def bundle(painter_models):
    return load_bundle(find(painter_models["coarse"]))


def canvas(t1=0.8, flair=0.7, levels=(500.0, 300.0), side=14):
    """Tissue of one brightness with a lesion of 5 voxels a side in the middle."""
    lesion = torch.zeros(1, 1, side, side, side)
    lesion[..., 4:9, 4:9, 4:9] = 1
    image = torch.cat([torch.full_like(lesion, v) for v in (t1, flair)], dim=1)
    return Canvas(0, image, lesion, levels)


@pytest.mark.parametrize(
    ("text", "t1", "flair"),
    [("median", 0.65, 1.35), ("q1", 0.6, 1.3), ("p99", 0.8, 1.5), ("1.2", 1.2, 1.2), ("1", 1, 1)],
)
def test_brightness_is_that_of_lesions_seen_or_a_number(bundle, text, t1, flair):
    config = override(RoughConfig(), [f"brightness={text}", "grainy=false"])
    given = canvas()
    rough = rough_lesion(given, bundle, config, seed=0)
    inside = given.lesion[0, 0] > 0
    for channel, value in enumerate((t1, flair)):
        torch.testing.assert_close(rough[0, channel][inside], torch.full((125,), float(value)))
        assert torch.equal(rough[0, channel][~inside], given.image[0, channel][~inside])


def test_grain_is_that_of_real_lesions_and_of_the_seed(bundle):
    given = canvas(side=40)
    given.lesion[..., 4:34, 4:34, 4:34] = 1
    inside = given.lesion[0, 0] > 0
    one, same, other = (
        rough_lesion(given, bundle, RoughConfig(brightness="median"), s)[0, 0][inside]
        for s in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    # 27,000 draws: a standard error of 0.0001.
    assert float(one.std()) == pytest.approx(0.03, abs=0.0006)
    assert float(one.median()) == pytest.approx(0.65, abs=0.001)


def test_a_contrast_that_is_missing_stays_zero(bundle):
    rough = rough_lesion(canvas(t1=0, levels=(0.0, 300.0)), bundle, RoughConfig(), seed=0)
    assert not rough[0, 0].any()
    assert rough[0, 1].max() > 1


@pytest.mark.parametrize("setting", ["brightness=bright", "brightness=3", "brightness=NaN", "t0=0"])
def test_settings_without_meaning_are_refused(setting):
    with pytest.raises(ConfigError, match=setting.partition("=")[0]):
        override(RoughConfig(), [setting])


def test_unknown_brightnesses_are_told_what_there_is():
    with pytest.raises(ConfigError, match="a number or one of q1, median, mean, q3, p99, got 'm'"):
        override(RoughConfig(), ["brightness=m"])


def test_a_mean_of_several_steps_is_refused():
    with pytest.raises(ConfigError, match="steps=5 means nothing with grain=false"):
        override(ConditionalConfig(), ["steps=5", "grain=false"])
    assert override(ConditionalConfig(), ["grain=false", "steps=1"]).steps == 1


def test_three_steps_begin_at_index_forty():
    """METHODS 7: t0 = 3 of 50 is t = 40 of 1000, where alpha^2 is 0.9798 in the linear schedule."""
    plan = build_walk(start_walk(3, 3, guarded=False), LINEAR).moves
    assert len(plan) == 3
    assert plan[0].now.alpha ** 2 == pytest.approx(0.9798, abs=5e-5)
    assert plan[-1].then.sigma == 0
    [only] = build_walk(start_walk(1, 3, guarded=False), LINEAR).moves  # index 0: hardly any noise
    assert only.now.sigma**2 == pytest.approx(1e-4, rel=1e-6)


def test_with_a_guard_stretches_are_walked_again():
    kinds = [move.kind for move in build_walk(start_walk(3, 3, guarded=True), LINEAR).moves]
    assert kinds[0] == kinds[-1] == "denoise"
    # Two places to climb one level back from, twice each.
    assert (kinds.count("renoise"), kinds.count("denoise")) == (4, 7)


def test_kept_contrast_by_hand():
    given = canvas()
    inside = given.lesion > 0
    rough, painted = given.image.clone(), given.image.clone()
    rough[:, :1][inside], rough[:, 1:][inside] = 0.5, 1.3  # contrasts -0.3 and 0.6
    painted[:, :1][inside], painted[:, 1:][inside] = 0.62, 1.0  # -0.18 and 0.3
    assert kept_contrast(painted, rough, given) == pytest.approx(0.5)
    t1_only = Canvas(0, given.image, given.lesion, (500.0, 0.0))
    assert kept_contrast(painted, rough, t1_only) == pytest.approx(0.6)


def test_a_lesion_like_its_surroundings_has_no_contrast_to_lose():
    given = canvas()
    rough = given.image + 0.03 * given.lesion
    assert kept_contrast(given.image, rough, given) == 1


@pytest.mark.parametrize(("keep", "expected"), [(0, 5), (0.55, 4), (0.75, 2), (1.0, 1)])
def test_fewer_steps_are_taken_until_the_contrast_stays(
    painter_models, grids, phantom_scan, monkeypatch, keep, expected
):
    """A model that takes a tenth of the contrast away with each step."""

    def redraw(self, image, plan, sampler, seeds, free=None):
        plan_lengths.append(len(plan))
        return image * (1 - 0.1 * len(plan)) + 0.1 * len(plan) * around

    scan, plan_lengths, around = phantom_scan(grids["RAS"]), [], 0.95
    flat = {"T1w": scan.images["T1w"].like(np.where(scan.images["T1w"].data > 0, 1000, 0))}
    monkeypatch.setattr(Inpainter, "redraw", redraw)
    options = {"t0": 5, "keep": keep, "grainy": False, "brightness": 0.5}
    config = RoughConfig(model=painter_models["coarse"], **options)
    painting = coarse.build(config)(flat, scan.lesion, scan.lesion, Context())
    assert painting.lesion_facts == {"StartSteps": [expected]}
    assert plan_lengths == list(range(5, expected - 1, -1))


@pytest.mark.parametrize(("painter", "guarded"), [(coarse, False), (guided, True)])
def test_a_guard_leaves_only_the_lesion_free(
    painter_models, grids, phantom_scan, monkeypatch, painter, guarded
):
    def redraw(self, image, plan, sampler, seeds, free=None):
        seen.append(free)
        return image

    scan, seen = phantom_scan(grids["RAS"]), []
    monkeypatch.setattr(Inpainter, "redraw", redraw)
    painter.build(RoughConfig(model=painter_models["coarse"]))(
        scan.images, scan.lesion, scan.lesion, Context()
    )
    [free] = seen
    assert (free is not None) == guarded
    if guarded:
        assert free.sum() == scan.lesion.data.sum()
