import pytest

from brainfill.core.errors import ConfigError
from brainfill.models._config import FamilyConfig


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"residual_scale": 0.0}, "residual_scale must be between 0.001 and 10, got 0.0"),
        ({"window_vox": -1}, "window_vox must be between 0 and 1024, got -1"),
        ({"window_vox": 8, "overlap_vox": 8}, "overlap_vox must be below window_vox 8, got 8"),
        ({"crop_vox": (0, 8, 8)}, r"crop_vox must hold numbers from 1 on, got \(0, 8, 8\)"),
    ],
)
def test_settings_that_cannot_work_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        FamilyConfig(**options)


def test_without_a_window_the_overlap_does_not_matter():
    assert FamilyConfig(window_vox=0, overlap_vox=64).overlap_vox == 64
