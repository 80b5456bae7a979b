"""Painting lesions from Python, on paths and on images in memory."""

import nibabel as nib
import numpy as np
import pytest

import brainfill
from brainfill.core.errors import ConfigError, GeometryError
from brainfill.lesions.contrast import contrast_of


@pytest.fixture
def scan(phantom_scan, grids):
    return phantom_scan(grids["oblique"])


@pytest.fixture
def images(scan):
    """T1w, mask and FLAIR as int16, uint8 and float32."""
    t1, flair = (scan.images[n].data for n in ("T1w", "FLAIR"))
    parts = (t1.astype(np.int16), scan.lesion.data.astype(np.uint8), flair)
    return [nib.Nifti1Image(part, scan.grid.affine) for part in parts]


@pytest.fixture
def paint(painter_models):
    """Calls the function with a tiny model on the processor."""
    options = {"model": painter_models["conditional"], "device": "cpu"}
    return lambda *inputs, **more: brainfill.synthesize(*inputs, **options | more)


def test_images_in_images_out(images, paint):
    t1, mask, flair = images
    done = paint(t1, mask, flair=flair)
    assert list(done.first.images) == ["T1w", "FLAIR"]
    where = np.asarray(mask.dataobj) > 0
    np.testing.assert_array_equal(np.asarray(done.first.lesion.dataobj) > 0, where)
    for before, after in zip((t1, flair), done.first.images.values(), strict=True):
        assert type(after) is type(before)
        assert after.get_data_dtype() == before.get_data_dtype()
        np.testing.assert_array_equal(after.affine, before.affine)
        old, new = np.asarray(before.dataobj), np.asarray(after.dataobj)
        np.testing.assert_array_equal(new[~where], old[~where])
        assert (new != old)[where].mean() > 0.9
    assert done.followup is None
    assert done.facts["Synthetic"] is True
    assert done.facts["Sources"] == ["image in memory"] * 3
    assert done.facts["MaxAbsDifferenceOutsideMask"] == 0
    assert set(done.facts["VoxelsChanged"]) == {"T1w", "FLAIR"}


def test_paths_give_the_same_as_images(images, paint, tmp_path):
    paths = [tmp_path / name for name in ("t1.nii.gz", "mask.nii", "flair.nii.gz")]
    for image, path in zip(images, paths, strict=True):
        nib.save(image, path)
    from_paths = paint(str(paths[0]), paths[1], flair=paths[2], seed=3)
    loaded = [nib.load(path) for path in paths]  # a file holds the affine in float32
    from_images = paint(*loaded[:2], flair=loaded[2], seed=3)
    for name, image in from_paths.first.images.items():
        np.testing.assert_array_equal(image.dataobj, from_images.first.images[name].dataobj)
    assert list(from_paths.facts["SourcesSHA256"]) == [str(p) for p in paths]


def test_a_second_visit_and_a_contrast(images, scan, paint):
    done = paint(images[0], images[1], shrink=1.2, lesion_contrast=0.7)
    now, later = (np.asarray(v.lesion.dataobj) > 0 for v in (done.first, done.followup))
    assert 0 < later.sum() < now.sum()
    assert set(done.facts["VoxelsChanged"]) == {"T1w", "T1w_followup"}
    for visit in (done.first, done.followup):
        values = np.asarray(visit.images["T1w"].dataobj, np.float32)
        lesion = type(scan.lesion)(np.asarray(visit.lesion.dataobj) > 0, scan.grid)
        # Whole numbers: half of one of about 700.
        assert contrast_of(values, lesion) == pytest.approx(0.7, abs=0.001)


def test_an_image_that_is_a_flair(images, paint):
    done = paint(images[2], images[1], contrast="FLAIR")
    assert list(done.first.images) == ["FLAIR"]
    assert done.facts["Contrasts"] == ["FLAIR"]


def test_values_beyond_the_type_are_cut_with_a_warning(images, scan, paint):
    small = nib.Nifti1Image(
        (scan.images["T1w"].data / 4).clip(0).astype(np.uint8), scan.grid.affine
    )
    heard = []
    done = paint(small, images[1], lesion_contrast=1.9, warn=heard.append)
    [warning] = heard
    assert warning.endswith("painted values were cut to the range of the image's type on disk")
    assert done.facts["Warnings"] == heard


def test_the_inputs_stay_as_they_were(images, paint):
    before = [np.array(image.dataobj) for image in images]
    paint(images[0], images[1], flair=images[2])
    for image, values in zip(images, before, strict=True):
        np.testing.assert_array_equal(image.dataobj, values)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"grown": 2}, "no option 'grown'"),
        ({"grow": "2"}, "'grow' must be a number"),
        ({"contrast": "T2w"}, "'contrast' must be one of T1w, FLAIR"),
        ({"method": "coarse", "settings": ["brightness=dim"]}, "'brightness' must be a number or"),
        ({"settings": ["grain=false", "steps=3"]}, "steps=3 means nothing with grain=false"),
    ],
)
def test_options_are_strict(images, paint, options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        paint(*images[:2], **options)


def test_a_flair_beside_a_flair_is_refused(images, paint):
    with pytest.raises(ConfigError, match="IMAGE is taken to be FLAIR as well"):
        paint(images[2], images[1], flair=images[0], contrast="FLAIR")


def test_inputs_of_another_place_are_named(images, paint):
    t1, mask, flair = images
    affine = flair.affine.copy()
    affine[0, 3] += 9
    moved = nib.Nifti1Image(np.asarray(flair.dataobj), affine)
    with pytest.raises(GeometryError, match="FLAIR 'image in memory' does not lie on the grid of"):
        paint(t1, mask, flair=moved)
    with pytest.raises(GeometryError, match="and FLAIR 'image in memory' do not fit"):
        paint(moved, mask, contrast="FLAIR")


def test_offered_by_the_package():
    assert brainfill.synthesize is brainfill.api.synthesize
    assert brainfill.Synthesized.__doc__
