import nibabel as nib
import numpy as np
import pytest

from brainfill.core.errors import DataError
from brainfill.io.nifti import read_mask


def image(values, dtype="f4"):
    return nib.Nifti1Image(np.array(values, dtype).reshape(1, 1, -1), np.eye(4))


def read(values, dtype="f4", **kwargs):
    said = []
    return read_mask(image(values, dtype), warn=said.append, **kwargs).data.ravel().tolist(), said


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8"])
def test_binary_masks_pass_silently(dtype):
    assert read([0, 1, 1, 0], dtype) == ([False, True, True, False], [])


def test_shares_are_cut_at_one_half_with_a_warning():
    mask, said = read([0, 0.2, 0.5, 0.51, 1])
    assert mask == [False, False, False, True, True]
    assert len(said) == 1
    assert "0.2 to 1" in said[0]
    assert "above 0.5" in said[0]


def test_one_other_value_is_a_mask_with_a_warning():
    mask, said = read([0, 255, 0], "u1")
    assert mask == [False, True, False]
    assert "holds 255 where 1 was expected" in said[0]


def test_label_map_asks_for_a_label():
    with pytest.raises(DataError, match=r"2 labels \(1, 3\)") as error:
        read([0, 1, 3], "i2")
    assert "--label" in error.value.hint
    assert read([0, 1, 3, 3], "i2", label=3) == ([False, False, True, True], [])
    with pytest.raises(DataError, match="no label 2; it has 1, 3"):
        read([0, 1, 3], "i2", label=2)


def test_many_labels_are_not_all_listed():
    with pytest.raises(DataError, match=r"\(1, 2, 3, 4, 5, 6, 7, 8, \.\.\.\)"):
        read(range(50), "i2")


def test_scaled_masks_are_read_by_value(tmp_path):
    mask = image([0, 2], "i2")
    mask.header.set_slope_inter(0.5, 0)
    nib.save(mask, tmp_path / "m.nii")
    assert read_mask(tmp_path / "m.nii").data.ravel().tolist() == [False, True]


def test_empty_mask_is_for_the_task_to_judge():
    assert read([0, 0], "u1") == ([False, False], [])


def test_all_labels_of_a_few_may_be_taken_together():
    assert read([0, 1, 3, 2], "i2", any_label=True) == ([False, True, True, True], [])
    assert read([0, 4, 0], "i2", any_label=True) == ([False, True, False], [])
    mask, said = read([0, 0.2, 0.8], any_label=True)  # shares stay shares
    assert mask == [False, False, True]
    assert said


@pytest.mark.parametrize(
    ("values", "sentence"),
    [(range(22), "has 21 labels, expected at most 20"), ([-1, 0, 1], r"2 labels \(-1, 1\)")],
)
def test_an_image_is_not_taken_for_labels(values, sentence):
    with pytest.raises(DataError, match=sentence):
        read(list(values), "i2", any_label=True)


@pytest.mark.parametrize("top", [100, 255, 32767])
def test_interpolated_masks_are_cut_at_half_of_their_largest_value(top):
    mask, said = read([0, 0.1 * top, 0.4903 * top, 0.51 * top, top])
    assert mask == [False, False, False, True, True]
    assert f"above {top / 2:g} are taken" in said[0]
