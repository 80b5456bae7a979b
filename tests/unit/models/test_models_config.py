import pytest

from brainfill.core.errors import ConfigError
from brainfill.diffusion.levels import ScheduleConfig
from brainfill.models._config import FamilyConfig
from brainfill.nets.unet import UNetConfig


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"residual_scale": 0.0}, "residual_scale must be between 0.001 and 10, got 0.0"),
        ({"window_vox": -1}, "window_vox must be between 0 and 1024, got -1"),
        ({"window_vox": 8, "overlap_vox": 8}, "overlap_vox must be below window_vox 8, got 8"),
        (
            {"codec": "haar", "crop_vox": (8, 9, 8)},
            r"crop_vox must hold multiples of 2, got \(8, 9, 8\)",
        ),
        ({"codec": "hare"}, "unknown codec 'hare'"),
        (
            {"codec": "haar", "codec_options": {"divider": 2.0}},
            "unknown setting 'codec_options.divider'",
        ),
        ({"codec": "latent"}, "codec 'latent' needs an autoencoder"),
        ({"tiling": "slices", "window_vox": 8}, "tiling 'slices' says how crops are cut"),
        ({"tiling": "slices", "tiling_options": {"batch": -1}}, "batch must be between 0 and 4096"),
        ({"follows": True, "unet": UNetConfig(kind="pseudo3d")}, "follows wants a 2d network"),
        (
            {"follows": True, "codec": "haar"},
            "slices are told apart in images, and codec 'haar' leaves none",
        ),
        ({"follows": True, "conditional": False}, "not to redraw images"),
        (
            {"learned_variance": True, "schedule": ScheduleConfig(name="karras")},
            "karras does not",
        ),
        ({"levels": -1}, "levels must be between 0 and 1000, got -1"),
        ({"crop_vox": (0, 8, 8)}, r"crop_vox must hold numbers from 1 on, got \(0, 8, 8\)"),
    ],
)
def test_settings_that_cannot_work_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        FamilyConfig(**options)


def test_without_a_window_the_overlap_does_not_matter():
    assert FamilyConfig(window_vox=0, overlap_vox=64).overlap_vox == 64


def test_few_levels_are_taught_at_equal_distances_from_the_noisiest_on():
    config = FamilyConfig(levels=2)
    assert [config.taught_time(t) for t in (0.01, 0.5, 0.51, 1.0)] == [0.5, 0.5, 1.0, 1.0]
    assert FamilyConfig().taught_time(0.3) == 0.3
