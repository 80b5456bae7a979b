"""Packs of patients: what goes in comes out, what cannot be trained on is named, and how bright lesions are."""

import json

import numpy as np
import pytest
from lesioned_pack import DISTANCE, FLAIR, HEAD, LESION_FLAIR, LESION_T1, SHAPE, T1, lesions, pack

from brainfill.core.errors import DataError, InputMissingError
from brainfill.train.archive import kind_of
from brainfill.train.lesioned import (
    KIND,
    LesionedPack,
    intensities,
    load_lesioned,
    packed_scan,
    profiles,
    save_lesioned,
)
from brainfill.train.pack import Pack, load_pack, save_pack


def stored(path, **changes):
    save_lesioned(pack(**changes), path)
    return path


def test_a_pack_comes_back_as_it_was(tmp_path):
    before, after = pack(), load_lesioned(stored(tmp_path / "p.npz"))
    assert (after.names, after.contrasts) == (["sub-19", "sub-1000"], ["T1w", "FLAIR"])
    for kind in ("images", "lesions", "shapes"):
        for one, other in zip(getattr(before, kind), getattr(after, kind), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
    assert after.spacing_mm == 1.0


def test_a_pack_says_its_kind(tmp_path):
    assert kind_of(stored(tmp_path / "p.npz")) == KIND
    volume = np.full((4, 5, 6), 200, np.uint8)
    save_pack(Pack(["sub-01"], [volume], []), tmp_path / "other.npz")
    assert kind_of(tmp_path / "other.npz") == ""


def test_neither_kind_of_pack_is_taken_for_the_other(tmp_path):
    with pytest.raises(DataError, match="is not packed training data"):
        load_pack(stored(tmp_path / "p.npz"))
    save_pack(Pack(["sub-01"], [np.full((4, 5, 6), 200, np.uint8)], []), tmp_path / "other.npz")
    with pytest.raises(DataError, match="is not packed scans of patients") as info:
        load_lesioned(tmp_path / "other.npz")
    assert "pack_lesions.py" in info.value.hint


def test_a_missing_or_damaged_pack_is_named(tmp_path):
    with pytest.raises(InputMissingError, match=r"no packed training data at '.*p\.npz'"):
        load_lesioned(tmp_path / "p.npz")
    path = stored(tmp_path / "p.npz")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError, match=r"p\.npz' is not packed scans of patients"):
        load_lesioned(path)


def test_a_pack_of_a_later_format_is_refused(tmp_path, monkeypatch):
    path = stored(tmp_path / "p.npz")
    monkeypatch.setattr("brainfill.train.archive.FORMAT", 0)
    with pytest.raises(DataError, match="has pack format 1, expected 0"):
        load_lesioned(path)


def small_lesions():
    numbers = lesions()
    numbers[numbers == 1] = 0
    numbers[12] = 0
    return numbers  # 8 voxels


def without_flair():
    images = list(pack().images)
    images[0] = images[0] * np.array([1, 0], np.uint8)[:, None, None, None]
    return images


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"images": [i.astype(np.int16) for i in pack().images]},
            "'sub-19' must be uint8 of shape",
        ),
        ({"images": [i[:1] for i in pack().images]}, r"found uint8 of shape \(1, 22, 26, 24\)"),
        ({"lesions": [x.astype(np.int32) for x in pack().lesions]}, "must be int16, found int32"),
        ({"lesions": [np.zeros(SHAPE, np.int16)] * 2}, "no lesion of at least 10 voxels"),
        ({"lesions": [small_lesions(), np.zeros(SHAPE, np.int16)]}, "no lesion of at least 10"),
        ({"images": without_flair()}, "scan 'sub-19' has lesions, but no FLAIR"),
        ({"shapes": []}, "it holds no lesion shapes"),
    ],
)
def test_packs_that_cannot_be_trained_on_are_refused(tmp_path, changes, words):
    path = stored(tmp_path / "p.npz", **changes)
    with pytest.raises(DataError, match=words) as info:
        load_lesioned(path)
    assert str(path) in str(info.value)


def test_places_are_lesions_that_show_tissue():
    healthy = pack().places[1]
    assert healthy == []
    first, second = pack().places[0]
    assert (len(first), len(second)) == (27, 12)
    np.testing.assert_array_equal(first, np.argwhere(lesions() == 1))
    images = list(pack().images)
    images[0][0, 10] = 0
    assert [len(v) for v in pack(images=images).places[0]] == [18, 8]
    assert pack().complete == [0]


def test_a_scan_is_cut_turned_and_scaled():
    image = np.zeros((9, 10, 11), np.float32)
    image[2:5, 3:7, 4:9] = np.arange(60).reshape(3, 4, 5) + 100
    flair = np.zeros_like(image)
    where = np.zeros(image.shape, bool)
    where[2, 3, 4] = where[3, 4, 5] = True  # touch by a corner
    where[4, 6, 8] = True
    where[0, 0, 0] = True  # in the background
    turned, numbers = packed_scan([image, flair], where)
    assert turned.shape == (2, 5, 3, 4)
    assert (turned.dtype, numbers.dtype) == (np.uint8, np.int16)
    top = np.percentile(np.arange(60) + 100, 99.9)
    for x, y, z in ((0, 0, 1), (1, 0, 0), (0, 1, 0), (2, 3, 0)):
        assert turned[0, z, x, y] == round(image[2 + x, 3 + y, 4 + z] / top * 255)
    assert not turned[1].any()
    assert numbers[0, 0, 0] == numbers[1, 1, 1] == 1
    assert numbers[4, 2, 3] == 2
    assert (numbers > 0).sum() == 3


def test_lesions_that_become_background_are_left_out():
    image = np.full((6, 6, 6), 1000, np.float32)
    image[0, 0, :2] = [1, 500]  # 1 of 1000 is stored as 0
    where = np.zeros(image.shape, bool)
    where[0, 0, :2] = True
    turned, numbers = packed_scan([image], where)
    assert turned[0, 0, 0, 0] == 0
    assert np.argwhere(numbers).tolist() == [[1, 0, 0]]


def test_profiles_are_in_units_of_the_tissue_around():
    found = profiles(pack())
    assert len(found) == 2
    for profile in found:
        np.testing.assert_allclose(profile.layers[0], LESION_T1 / T1, rtol=1e-5)
        np.testing.assert_allclose(profile.layers[1], LESION_FLAIR / FLAIR, rtol=1e-5)
        np.testing.assert_allclose(profile.grain, 0, atol=1e-6)


def test_intensities_count_each_lesion_once():
    """A lesion of 27 voxels at 0.7 and one of 12 voxels at 0.5, in units of 200."""
    images = list(pack().images)
    images[0][0][lesions() == 2] = 100
    found = intensities(pack(images=images))
    assert set(found) == {"T1w", "FLAIR"}
    t1 = found["T1w"]
    assert (t1["q1"], t1["q3"], t1["mean"]) == (0.5, 0.7, 0.6)
    assert t1["grain"] == 0
    assert found["FLAIR"]["median"] == found["FLAIR"]["p99"] == 1.5
    assert json.loads(json.dumps(found)) == found


def test_grain_is_the_median_spread_of_lesions():
    images = list(pack().images)
    noisy = images[0][1]
    where = lesions() == 1
    noisy[where] = np.where(np.arange(27) % 2, 168, 192)  # 0.1 of 120 up and down
    grain = intensities(pack(images=images))["FLAIR"]["grain"]
    assert grain == pytest.approx(0.05, abs=0.002)  # the other lesion has none


def test_small_lesions_are_not_measured():
    numbers = lesions()
    numbers[5, 12, 12] = 3
    assert len(profiles(pack(lesions=[numbers, np.zeros(SHAPE, np.int16)]))) == 2


def test_the_phantom_is_a_head():
    assert HEAD.sum() > 4000
    assert DISTANCE[lesions() > 0].max() < 0.9
    assert isinstance(pack(), LesionedPack)
