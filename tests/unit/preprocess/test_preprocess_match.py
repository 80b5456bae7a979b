import numpy as np
import pytest

from brainfill.core.errors import GeometryError
from brainfill.core.grid import Box, Grid
from brainfill.core.volume import LabelMap, Mask, Volume
from brainfill.preprocess.match import match_labels, match_mask


def run(mask, image, **kwargs):
    said = []
    return match_mask(mask, image, warn=said.append, **kwargs), said


def test_same_place_is_taken_as_it_is(any_grid, phantom, phantom_lesion):
    mask = phantom_lesion(any_grid)
    found, said = run(mask, phantom(any_grid))
    np.testing.assert_array_equal(found.data, mask.data)
    assert said == []


def test_the_same_voxels_in_another_order_are_the_same_lesion(grids, phantom, phantom_lesion):
    for name in ("RAS", "LAS", "LPS", "PSR"):
        for other in {"RAS", "LAS", "LPS", "PSR"} - {name}:
            found, said = run(phantom_lesion(grids[name]), phantom(grids[other]))
            np.testing.assert_array_equal(found.data, phantom_lesion(grids[other]).data)
            assert len(said) == 1


def test_a_mask_on_other_voxels_lands_on_the_lesion(grids, any_grid, phantom, phantom_lesion):
    image = phantom(any_grid)
    for name in ("RAS", "odd", "anisotropic"):
        mask = phantom_lesion(grids[name])
        if mask.grid.shape == image.grid.shape:
            continue
        found, said = run(mask, image)
        expected = phantom_lesion(any_grid).data
        overlap = 2 * (found.data & expected).sum() / (found.data.sum() + expected.sum())
        assert overlap > 0.75
        assert str(mask.grid.shape) in said[0]
        assert str(image.grid.shape) in said[0]
        assert found.grid is image.grid


def test_a_cropped_mask_is_put_back_exactly(any_grid, phantom, phantom_lesion):
    whole = phantom_lesion(any_grid)
    box = Box.around(whole.data)
    part = Mask(whole.data[box.slices], any_grid.crop(box))
    found, said = run(part, phantom(any_grid))
    np.testing.assert_array_equal(found.data, whole.data)
    assert len(said) == 1


@pytest.mark.parametrize("shift_mm", [0.4, 3.4])
def test_same_shape_elsewhere_is_refused_with_the_distance(
    any_grid, phantom, phantom_lesion, shift_mm
):
    affine = any_grid.affine.copy()
    affine[1, 3] += shift_mm
    mask = Mask(phantom_lesion(any_grid).data, Grid(any_grid.shape, affine))
    with pytest.raises(GeometryError, match=f"up to {shift_mm:.3g} mm") as error:
        run(mask, phantom(any_grid))
    assert "--assume-same-grid" in error.value.hint
    assert error.value.exit_code == 65
    found, said = run(mask, phantom(any_grid), assume_same_grid=True)
    np.testing.assert_array_equal(found.data, mask.data)
    assert found.grid.same_place(any_grid)
    assert f"{shift_mm:.3g} mm" in said[0]


def test_another_shape_cannot_be_insisted_on(grids, phantom, phantom_lesion):
    with pytest.raises(GeometryError, match=r"\(23, 29, 25\).*\(28, 30, 26\)"):
        run(phantom_lesion(grids["odd"]), phantom(grids["RAS"]), assume_same_grid=True)


def test_lesion_outside_the_image_is_refused(grids, phantom, phantom_lesion):
    grid = grids["RAS"]
    lesion = phantom_lesion(grid)
    box = Box.around(lesion.data)
    cut = Box((0, 0, 0), (box.start[0] + 2, *grid.shape[1:]))
    image = Volume(phantom(grid).data[cut.slices], grid.crop(cut))
    outside = lesion.data[cut.stop[0] :].sum()
    with pytest.raises(GeometryError, match=f"{outside} of {lesion.data.sum()} lesion voxels"):
        run(lesion, image)


def test_mask_reaching_beyond_the_image_is_fine_if_its_lesions_do_not(
    grids, phantom, phantom_lesion
):
    grid, box = grids["RAS"], Box((3, 3, 3), (25, 27, 23))
    image = Volume(phantom(grid).data[box.slices], grid.crop(box))
    found, _ = run(phantom_lesion(grid), image)
    np.testing.assert_array_equal(found.data, phantom_lesion(grid).data[box.slices])


def test_lost_lesions_are_counted():
    fine, coarse = (
        Grid((20, 20, 20), np.diag([0.5, 0.5, 0.5, 1])),
        Grid((5, 5, 3), np.diag([2.0, 2, 4, 1])),
    )
    data = np.zeros(fine.shape, bool)
    data[4:12, 4:12, 4:12] = True  # survives
    data[15, 15, 14] = data[18, 18, 3] = True  # too small
    found, said = run(Mask(data, fine), Volume(np.ones(coarse.shape), coarse))
    assert found.data.any()
    assert len(said) == 2
    assert said[1].startswith("2 of 3 lesions")


def test_an_empty_mask_stays_empty(grids, phantom):
    mask = Mask(np.zeros((4, 4, 4)), Grid((4, 4, 4), np.eye(4)))
    found, said = run(mask, phantom(grids["RAS"]))
    assert not found.data.any()
    assert found.grid.same_place(grids["RAS"])
    assert len(said) == 1


def labelled(grid, phantom):
    return LabelMap(np.digitize(phantom(grid).data, [100, 500, 750]), grid, {1: "rim"})


def matched(labels, image):
    said = []
    return match_labels(labels, image, warn=said.append), said


def test_labels_in_place_or_in_another_order_stay_exactly_as_they_are(grids, phantom):
    for name in ("RAS", "LAS", "LPS", "PSR"):
        found, said = matched(labelled(grids[name], phantom), phantom(grids["RAS"]))
        np.testing.assert_array_equal(found.data, labelled(grids["RAS"], phantom).data)
        assert found.names == {1: "rim"}
        assert said == []


def test_labels_on_other_voxels_are_the_nearest(grids, phantom):
    found, said = matched(labelled(grids["oblique"], phantom), phantom(grids["anisotropic"]))
    expected = labelled(grids["anisotropic"], phantom).data
    assert (found.data == expected).mean() > 0.9
    assert set(np.unique(found.data)) == {0, 1, 2, 3}
    assert str(grids["oblique"].shape) in said[0]


def test_labels_may_reach_beyond_the_image(any_grid, phantom):
    image = phantom(any_grid)
    box = Box.around(np.ones(any_grid.shape, bool)).grow((-8, -8, -2))
    small = Volume(image.data[box.slices], any_grid.crop(box))
    found, _ = matched(labelled(any_grid, phantom), small)
    np.testing.assert_array_equal(found.data, labelled(any_grid, phantom).data[box.slices])


def test_labels_elsewhere_are_refused(any_grid, phantom):
    image, labels = phantom(any_grid), labelled(any_grid, phantom)
    affine = any_grid.affine.copy()
    affine[1, 3] += 3.4
    with pytest.raises(GeometryError, match=r"lies elsewhere: corners differ by up to 3\.4 mm"):
        matched(LabelMap(labels.data, Grid(any_grid.shape, affine)), image)
    affine[1, 3] += 300
    beyond = LabelMap(labels.data[1:], Grid(labels.data[1:].shape, affine))
    with pytest.raises(GeometryError, match="no label lies inside the image"):
        matched(beyond, image)


def test_a_tenth_of_a_voxel_is_taken_with_a_warning(any_grid, phantom, phantom_lesion):
    image, data = phantom(any_grid), phantom_lesion(any_grid).data
    for share, warned in ((0.05, 1), (0.005, 0)):
        affine = any_grid.affine.copy()
        affine[:3, 3] += (share * min(any_grid.spacing()), 0, 0)
        moved = Grid(any_grid.shape, affine)
        found, said = run(Mask(data, moved), image)
        np.testing.assert_array_equal(found.data, data)
        assert found.grid is any_grid
        labels = match_labels(LabelMap(data.astype(int), moved), image, warn=said.append)
        np.testing.assert_array_equal(labels.data > 0, data)
        assert len(said) == 2 * warned
        assert all("less than a tenth of a voxel" in line for line in said)
