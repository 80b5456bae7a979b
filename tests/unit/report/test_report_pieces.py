"""Pieces of pages: references, tables, planes, colours, histograms, volumes for the viewer."""

import base64
import gzip
import hashlib
import io
import re
from importlib import resources

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from brainfill.core.grid import Grid
from brainfill.core.volume import Mask
from brainfill.report import viewer
from brainfill.report.colours import sequential, signed
from brainfill.report.film import inner_point, strips_through, view_of
from brainfill.report.histogram import Sample, histogram
from brainfill.report.markup import table
from brainfill.report.references import REFERENCES, cited, linked


def test_citations_are_numbered_in_their_order():
    text, listed = cited("By N4 [n4] and [bet], then [n4]; not [this].")
    assert text == "By N4 [1] and [2], then [1]; not [this]."
    assert listed == [REFERENCES["n4"], REFERENCES["bet"]]


def test_addresses_become_links():
    assert linked("See <x> https://doi.org/10.1/a") == (
        'See &lt;x&gt; <a href="https://doi.org/10.1/a">https://doi.org/10.1/a</a>'
    )


def test_cells_are_text():
    shown = table([{"a": "<b>", "n": None}], {"a": "A", "n": "N"}, "T")
    assert "<td>&lt;b&gt;</td><td>n/a</td>" in shown


def test_a_view_holds_the_head_on_any_grid(phantom, any_grid):
    image = phantom(any_grid)
    view = view_of(image, image.data > 100, (0, 1000))
    head = any_grid.to_world(np.argwhere(image.data > 100).astype(float))
    assert (head.min(axis=0) >= np.array(view.low_mm)).all()
    assert (head.max(axis=0) <= np.array(view.high_mm)).all()


def pixels(layer):
    content = base64.b64decode(re.search(r'base64,([^"]*)"', layer)[1])
    return np.asarray(Image.open(io.BytesIO(content)))


def test_only_what_changed_is_drawn_over_the_scan(phantom, phantom_lesion, any_grid):
    image, lesion = phantom(any_grid), phantom_lesion(any_grid)
    after = image.like(np.where(lesion.data, 0, image.data))
    pane = view_of(image, image.data > 0, (0, 1000)).pane("axial", inner_point(lesion))
    over = pixels(pane.changes(image, after))
    own, other = pixels(pane.picture(image)), pixels(pane.picture(after))
    assert 0 < (over[..., 3] > 0).mean() < 0.5
    np.testing.assert_array_equal(np.where(over[..., 3] > 0, over[..., 0], own), other)


def test_slices_lie_in_the_mask_and_apart(phantom_lesion, any_grid):
    lesion = phantom_lesion(any_grid)
    for plane, axis in (("axial", 2), ("coronal", 1), ("sagittal", 0)):
        depths = [p[axis] for p in strips_through(lesion, plane, 5)]
        places = any_grid.to_world(np.argwhere(lesion.data).astype(float))[:, axis]
        assert len(depths) >= 2
        assert (np.diff(depths) >= 3).all()
        assert min(places) <= min(depths)
        assert max(depths) <= max(places)


def test_the_inner_point_of_a_ring_is_on_the_ring():
    where = np.zeros((9, 9, 3), bool)
    where[1:8, 1:8, 1] = True
    where[2:7, 2:7, 1] = False
    grid = Grid(where.shape, np.eye(4))
    assert where[tuple(np.array(inner_point(Mask(where, grid)), int))]


def test_signed_colours_by_hand():
    found = signed(np.array([[-10.0, 0.0, 10.0, 0.1]]), 10.0)
    assert found[0, 0].tolist() == [70, 165, 240, 255]
    assert found[0, 2].tolist() == [255, 170, 40, 255]
    assert found[0, [1, 3], 3].tolist() == [0, 0]


def test_sequential_colours_are_shown_in_the_mask_only():
    found = sequential(np.array([[0.0, 5.0]]), 5.0, np.array([[0.0, 1.0]]))
    assert found[0, :, 3].tolist() == [0, 235]
    assert found[0, 1, :3].tolist() == [253, 231, 36]  # the last colour of viridis


def test_a_histogram_has_a_line_and_a_row_for_each():
    values = np.random.default_rng(0).normal(100, 5, 2000)
    shown = histogram([Sample("fill", "fill", values), Sample("ring", "ring", np.rint(values))])
    assert len(re.findall(r'class="line (?:fill|ring)" d="M\d', shown)) == 4  # with the legend
    assert shown.count("<tr>") == 3


def test_histograms_of_whole_numbers_have_no_teeth():
    values = np.random.default_rng(0).integers(20, 150, 200_000).astype(float)
    path = re.search(
        r'class="line fill" d="M([^"]*)"/>(?!</svg><)',
        histogram([Sample("a", "fill", values)]).split("<svg", 2)[2],
    )[1]
    y = np.array([float(p.split()[1]) for p in path.split("L")])[4:-4]
    assert np.ptp(y) < 12  # flat, as the values are: 8; with 96 bins over 128 numbers it were 23


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_histogram_of_one_value(value):
    assert "NaN" not in histogram([Sample("a", "fill", np.full(5, value))])


def unpacked(content):
    return nib.Nifti1Image.from_bytes(gzip.decompress(content))


def stored(phantom, phantom_lesion, grid, **options):
    image, lesion = phantom(grid), phantom_lesion(grid)
    after = image.like(np.where(lesion.data, 500, image.data))
    head = image.data > 0
    return image, viewer.stored(image, after, (lesion, lesion), head, (0, 1000), **options)


def test_volumes_of_the_viewer_show_scan_fill_and_lesion(phantom, phantom_lesion, any_grid):
    image, found = stored(phantom, phantom_lesion, any_grid)
    scan, fill, lesion = (unpacked(c) for c in (found.scan, found.fill, found.lesion))
    assert scan.get_data_dtype() == np.uint8
    assert scan.shape == fill.shape == lesion.shape == found.grid.shape
    np.testing.assert_allclose(scan.affine, found.grid.affine, atol=1e-4)
    place = found.grid.to_world(np.argwhere(np.asarray(lesion.dataobj) == 1).astype(float))
    assert place.mean(axis=0) == pytest.approx([3, -2, 1], abs=0.7)
    inside = np.asarray(fill.dataobj)[np.asarray(lesion.dataobj) == 1]
    assert np.median(inside) == 128  # 500 of 1000, in even steps of 255
    here = image.grid.to_index(
        found.grid.to_world(np.array([[d // 2 for d in found.grid.shape]], float))
    )
    there = np.rint(here[0]).astype(int)
    middle = np.asarray(scan.dataobj)[tuple(d // 2 for d in found.grid.shape)]
    assert middle == pytest.approx(0.254 * image.data[tuple(there)], abs=40)


def test_a_large_scan_gets_coarser_until_it_fits(phantom, phantom_lesion, grids):
    _, fine = stored(phantom, phantom_lesion, grids["RAS"])
    _, coarse = stored(phantom, phantom_lesion, grids["RAS"], most_bytes=len(fine.scan) // 2)
    assert len(coarse.scan) <= len(fine.scan) // 2
    assert min(coarse.grid.spacing()) > 1.05


def test_fine_voxels_become_those_of_one_millimetre(phantom, phantom_lesion):
    grid = Grid(
        (60, 60, 60), np.diag([0.5, 0.5, 0.5, 1]) - np.array([[0, 0, 0, 15]] * 3 + [[0] * 4])
    )
    _, found = stored(phantom, phantom_lesion, grid)
    assert found.grid.spacing() == pytest.approx((1, 1, 1))


def test_the_library_is_what_its_licence_says():
    web = resources.files("brainfill.report") / "web"
    code = gzip.decompress((web / viewer.LIBRARY).read_bytes())
    assert hashlib.sha256(code).hexdigest() in (web / viewer.LICENCE).read_text()
