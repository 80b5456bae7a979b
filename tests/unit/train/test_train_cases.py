"""Packs of cases: what goes in comes out, what does not fit is named, and patients are made of them."""

import numpy as np
import pytest
from lesioned_pack import FLAIR, HEAD, LESION_T1, SHAPE, T1, lesions

from brainfill.core.errors import DataError, InputMissingError
from brainfill.train.archive import kind_of
from brainfill.train.cases import KIND, Case, CasePack, load_cases, save_cases
from brainfill.train.lesioned import patients_of


def volume(t1=T1, flair=FLAIR):
    images = np.stack([HEAD * np.uint8(t1), HEAD * np.uint8(flair)]).astype(np.uint8)
    images[0][lesions() > 0] = LESION_T1
    return images


def patient(**changes):
    parts = {"images": volume(), "masks": {"lesion": lesions() > 0}, "name": "sub-19"}
    return Case(**parts | changes)


def picture(**changes):
    image = np.arange(30, dtype=np.uint8).reshape(1, 5, 6)
    parts = {"images": image, "masks": {}, "name": "p"}
    return Case(**parts | changes)


def test_a_pack_of_pictures_and_volumes_comes_back_as_it_was(tmp_path):
    known = {"person": "a", "site": "Basel", "label": "healthy", "value": 61.5}
    masks = {"left": np.eye(5, 6) > 0, "right": np.eye(5, 6) == 0}
    flat = CasePack(["picture"], [picture(masks=masks, **known), picture(name="q")])
    deep = CasePack(["T1w", "FLAIR"], [patient(), patient(name="healthy", masks={})])
    for number, before in enumerate((flat, deep)):
        save_cases(before, tmp_path / f"{number}.npz")
        assert kind_of(tmp_path / f"{number}.npz") == KIND
        after = load_cases(tmp_path / f"{number}.npz")
        assert after.contrasts == before.contrasts
        for one, other in zip(before.cases, after.cases, strict=True):
            for field in ("name", "person", "site", "label", "value"):
                assert getattr(one, field) == getattr(other, field)
            np.testing.assert_array_equal(one.images, other.images)
            assert one.masks.keys() == other.masks.keys()
            for name in one.masks:
                np.testing.assert_array_equal(one.masks[name], other.masks[name])
    assert load_cases(tmp_path / "0.npz").cases[1].value is None


@pytest.mark.parametrize(
    ("pack", "sentence"),
    [
        (CasePack(["a"], []), "it holds no cases"),
        (CasePack(["a", "b"], [picture()]), r"'p' must be uint8 of 2 contrasts .* \(1, 5, 6\)"),
        (CasePack(["a"], [picture(images=np.zeros((1, 5, 6)))]), "found float64"),
        (CasePack(["a"], [picture(images=np.zeros((1, 5), np.uint8))]), r"of shape \(1, 5\)"),
        (CasePack(["a"], [picture(masks={"m": np.zeros((5, 7), bool)})]), r"mask 'm' .* \(5, 6\)"),
        (CasePack(["a"], [picture(masks={"m": np.zeros((5, 6))})]), "mask 'm' of case 'p'"),
        (CasePack(["a"], [picture(label=3)]), "label that is no text"),
        (CasePack(["a"], [picture(value="old")]), "value of case 'p' must be a finite number"),
        (CasePack(["a"], [picture(value=float("nan"))]), "value of case 'p' must be a finite"),
    ],
)
def test_packs_whose_parts_do_not_fit_are_refused(tmp_path, pack, sentence):
    save_cases(pack, tmp_path / "p.npz")
    with pytest.raises(DataError, match=f"cannot be used: .*{sentence}"):
        load_cases(tmp_path / "p.npz")


def test_a_missing_or_damaged_pack_is_named(tmp_path):
    with pytest.raises(InputMissingError, match=r"no packed training data at '.*p\.npz'"):
        load_cases(tmp_path / "p.npz")
    save_cases(CasePack(["a"], [picture()]), tmp_path / "p.npz")
    (tmp_path / "p.npz").write_bytes((tmp_path / "p.npz").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"is not packed images with what is known of them"):
        load_cases(tmp_path / "p.npz")


def test_cases_with_lesions_are_patients_and_the_others_are_healthy(tmp_path):
    cases = CasePack(["T1w", "FLAIR"], [patient(), patient(name="sub-1", masks={})])
    pack = patients_of(cases, tmp_path / "p.npz")
    assert (list(pack.names), list(pack.contrasts)) == (["sub-19", "sub-1"], ["T1w", "FLAIR"])
    np.testing.assert_array_equal(pack.lesions[0], lesions())
    assert pack.lesions[0].dtype == np.int16
    assert not pack.lesions[1].any()
    assert [shape.shape for shape in pack.shapes] == [(3, 3, 3), (3, 2, 2)]
    assert pack.images[0].shape == (2, *SHAPE)


def test_lesions_beside_the_head_are_left_out(tmp_path):
    mask = lesions() > 0
    mask[0, 0, 0] = True
    assert not HEAD[0, 0, 0]
    pack = patients_of(CasePack(["T1w", "FLAIR"], [patient(masks={"lesion": mask})]), tmp_path)
    np.testing.assert_array_equal(pack.lesions[0], lesions())


@pytest.mark.parametrize(
    ("cases", "sentence"),
    [
        (CasePack(["picture"], [picture()]), "case 'p' is a picture"),
        (CasePack(["T1w", "FLAIR"], [patient(masks={})]), "holds no lesion of at least 10 voxels"),
    ],
)
def test_cases_that_show_no_lesions_in_volumes_are_refused(tmp_path, cases, sentence):
    with pytest.raises(DataError, match=f"cannot be trained on: .*{sentence}"):
        patients_of(cases, tmp_path / "p.npz")
