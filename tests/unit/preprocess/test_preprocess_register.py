"""Registration of a phantom to a moved copy: known transforms found, there and back, failures named."""

import dataclasses
from pathlib import Path

import ants
import numpy as np
import pytest
from mask_edges import edge_distance
from scipy import ndimage

from brainfill.core.context import Context
from brainfill.core.errors import ConfigError, DataError, GeometryError
from brainfill.core.grid import Box
from brainfill.core.volume import LabelMap, Mask, Scan, Volume
from brainfill.preprocess.registration import register as register_images
from brainfill.preprocess.steps import pad, register
from brainfill.preprocess.steps.resample import resampled_grid
from brainfill.preprocess.template import MNI, load_template, space_name
from brainfill.preprocess.transforms import Transform, carry, inverted, linear_transform, matrix_of

# Where the moving brain lies: turned by 6 degrees, a little larger, moved by some millimetres.
MOVE = np.array([[1.03, 0.1, 0, 7], [-0.1, 1.02, 0.03, -5], [0, -0.03, 0.98, 6], [0, 0, 0, 1]])
HERE = {"template": "template.nii.gz"}


@pytest.fixture
def template(brain, brain_grids):
    return brain(brain_grids["RAS"])


@pytest.fixture
def near(template):
    """Surroundings that read the template."""
    return Context(read=lambda path: template)


@pytest.fixture
def scan(brain, brain_grid):
    image = brain(brain_grid, MOVE)
    inside = Mask(image.data > 0, brain_grid)
    ijk = np.argwhere(np.ones(brain_grid.shape, bool)).astype(float)
    near_front = np.linalg.norm(brain_grid.to_world(ijk) - (-20, 35, 0), axis=1) < 12
    lesion = Mask(near_front.reshape(brain_grid.shape), brain_grid)
    return Scan(
        "sub-01",
        {"T1w": image},
        lesion,
        inside,
        LabelMap(np.digitize(image.data, [1, 600]), brain_grid),
    )


@pytest.mark.parametrize("kind", ["affine", "syn"])
def test_there_and_back(scan, template, near, kind):
    changed, undo = register.build(register.Config(kind=kind, **HERE))(scan, near)
    assert changed.grid.same_place(template.grid)
    inside = template.data > 0
    assert undo.facts["Correlation"] > 0.84
    assert undo.facts["BrainOverlapDice"] > 0.95
    assert (
        np.abs(changed.images["T1w"].data - template.data)[ndimage.binary_erosion(inside)].mean()
        < 60
    )
    back = undo.volume(changed.images["T1w"])
    assert back.grid.same_place(scan.grid, tol_mm=1e-9)
    deep = ndimage.binary_erosion(scan.brain.data, iterations=2)
    error = np.abs(back.data - scan.images["T1w"].data)[deep]
    assert error.mean() < 12
    for mask in (scan.brain, scan.lesion):
        there = changed.brain if mask is scan.brain else changed.lesion
        assert (
            edge_distance(undo.mask(there).data, mask.data) <= 1.5
        )  # one voxel, across a diagonal
    assert set(np.unique(changed.labels.data)) == {0, 1, 2}
    far = ~ndimage.binary_dilation(changed.brain.data, iterations=3)
    assert not changed.images["T1w"].data[far].any()


def test_rigid_keeps_sizes_and_finds_the_turn(brain, brain_grids, template, near):
    turn = np.array([[0.995, 0.0998, 0, 7], [-0.0998, 0.995, 0, -5], [0, 0, 1, 6], [0, 0, 0, 1]])
    scan = Scan("a", {"T1w": brain(brain_grids["oblique"], turn)})
    _, undo = register.build(register.Config(kind="rigid", **HERE))(scan, near)
    matrix = matrix_of(undo.registration.forward, near)
    np.testing.assert_allclose(np.linalg.det(matrix[:3, :3]), 1, atol=1e-4)
    # Fixed to moving: the position in the scan that shows what the template shows here.
    corners = template.grid.corners() / 2
    found = corners @ matrix[:3, :3].T + matrix[:3, 3]
    expected = (corners - turn[:3, 3]) @ np.linalg.inv(turn[:3, :3]).T
    assert np.linalg.norm(found - expected, axis=1).max() < 2.5


def test_a_lesion_is_left_out_of_the_comparison(brain, brain_grids, near):
    grid = brain_grids["LPS"]
    image = brain(grid, MOVE)
    ijk = np.argwhere(np.ones(grid.shape, bool)).astype(float)
    lesion = (np.linalg.norm(grid.to_world(ijk) - (30, 20, 0), axis=1) < 24).reshape(grid.shape)
    spoilt = Volume(np.where(lesion, 2000, image.data), grid)
    # The bare one may well fail.
    step = register.build(register.Config(min_correlation=-1, min_overlap=0, **HERE))

    def matrix(volume, mask):
        _, undo = step(Scan("a", {"T1w": volume}, mask), near)
        return matrix_of(undo.registration.forward, near), undo.facts["LesionMasked"]

    clean, _ = matrix(image, None)
    masked, said = matrix(spoilt, Mask(lesion, grid))
    bare, _ = matrix(spoilt, None)
    assert said is True
    assert np.abs(masked - clean)[:3, 3].max() < np.abs(bare - clean)[:3, 3].max()


@pytest.mark.parametrize("kind", ["affine", "syn"])
def test_transforms_agree_with_ants(kind, scan, template, near, tmp_path):
    """The files, read by ANTsPy itself with the image on disk, give what the step gave, which cuts what overshoots."""
    import nibabel as nib

    changed, undo = register.build(register.Config(kind=kind, **HERE))(scan, near)
    image = scan.images["T1w"]
    for name, volume in (("moving", image), ("fixed", template)):
        nib.save(nib.Nifti1Image(volume.data, volume.grid.affine), tmp_path / f"{name}.nii.gz")
    fixed, moving = (ants.image_read(str(tmp_path / f"{n}.nii.gz")) for n in ("fixed", "moving"))
    path = tmp_path / f"x{undo.registration.forward.suffix}"
    path.write_bytes(undo.registration.forward.data)
    theirs = ants.apply_transforms(fixed, moving, [str(path)], interpolator="bSpline").numpy()
    deep = ndimage.binary_erosion(
        template.data > 0, iterations=3
    )  # the spline rings beyond the edge
    np.testing.assert_allclose(changed.images["T1w"].data[deep], theirs[deep], atol=1)
    path = tmp_path / f"y{undo.registration.backward.suffix}"
    path.write_bytes(undo.registration.backward.data)
    theirs = ants.apply_transforms(moving, fixed, [str(path)], interpolator="bSpline").numpy()
    deep = ndimage.binary_erosion(scan.brain.data, iterations=3)
    np.testing.assert_allclose(undo.volume(template).data[deep], theirs[deep], atol=1)


def test_deterministic_runs_are_the_same_to_the_byte(brain, brain_grids, near):
    scan = Scan("a", {"T1w": brain(brain_grids["LAS"], MOVE)})
    surroundings = dataclasses.replace(near, deterministic=True)
    step = register.build(register.Config(**HERE))
    one, two = (step(scan, surroundings)[1].registration for _ in range(2))
    assert one == two


def test_noise_is_refused_with_the_figure_and_leaves_its_files(brain_grids, near, tmp_path):
    grid = brain_grids["RAS"]
    noise = Volume(np.random.default_rng(0).uniform(0, 100, grid.shape), grid)
    surroundings = dataclasses.replace(near, work=tmp_path)
    with pytest.raises(
        DataError,
        match=r"registration of 'sub-9' to template failed: .* is -?0\.\d\d, expected at least 0.3",
    ) as error:
        register.build(register.Config(**HERE))(Scan("sub-9", {"T1w": noise}), surroundings)
    assert error.value.exit_code == 65
    assert "--work" in error.value.hint
    assert list(Path(tmp_path).rglob("*.mat"))


def test_empty_space_around_the_brain_changes_nothing(brain, brain_grids, near):
    """So that no time and memory is spent on it; 20 mm of it are kept."""
    grid = brain_grids["LAS"].crop(Box((-4, -4, -4), (40, 46, 38)))
    scan = Scan("a", {"T1w": brain(grid, MOVE)})
    wider, _ = pad.build(pad.Config(multiple=1, at_least=60))(scan, near)
    step = register.build(register.Config(**HERE))
    one, two = (matrix_of(step(s, near)[1].registration.forward, near) for s in (scan, wider))
    np.testing.assert_array_equal(one, two)


def test_fine_voxels_are_registered_at_1_mm(phantom, grids, ctx, tmp_path):
    import nibabel as nib

    fine = resampled_grid(grids["oblique"], 0.5)
    fixed, moving = phantom(grids["LPS"]), phantom(fine)
    found = register_images(fixed, None, moving, None, "syn", "fast", ctx)
    (tmp_path / "back.nii.gz").write_bytes(found.backward.data)
    assert nib.load(tmp_path / "back.nii.gz").header.get_zooms()[:3] == pytest.approx((1, 1, 1))
    there = carry(fixed.data, fixed.grid, fine, [found.backward], "linear", ctx)
    back = carry(there, fine, fixed.grid, [found.forward], "linear", ctx)
    unmoved = carry(fixed.data, fixed.grid, fine, [], "linear", ctx)
    inside = fixed.data > 400
    assert np.abs(there - unmoved)[unmoved > 400].mean() > 25  # the transform does something
    assert np.abs(back - fixed.data)[inside].mean() < 10


def test_undo_refuses_what_lies_elsewhere(scan, near):
    _, undo = register.build(register.Config(**HERE))(scan, near)
    elsewhere = Volume(np.zeros((3, 3, 3)), dataclasses.replace(scan.grid, shape=(3, 3, 3)))
    with pytest.raises(GeometryError, match="cannot undo the registration"):
        undo.volume(elsewhere)


# Transforms as such.


def test_a_matrix_survives_its_file(ctx):
    np.testing.assert_allclose(matrix_of(linear_transform(MOVE), ctx), MOVE, atol=1e-12)
    wider = np.diag([2.0, 1, 1, 1])
    back = inverted([linear_transform(MOVE), linear_transform(wider)], ctx)
    # The first of a list is what points of the fixed image meet first.
    product = matrix_of(back[1], ctx) @ matrix_of(back[0], ctx)
    np.testing.assert_allclose(product @ wider @ MOVE, np.eye(4), atol=1e-6)


def test_a_shift_moves_images_by_whole_voxels(brain_grid, brain, ctx):
    image = brain(brain_grid)
    matrix = np.eye(4)
    matrix[:3, 3] = brain_grid.affine[:3, 0] * 2  # two voxels along the first axis, fixed to moving
    found = carry(image.data, brain_grid, brain_grid, [linear_transform(matrix)], "nearest", ctx)
    np.testing.assert_array_equal(found[:-2], image.data[2:])


def test_a_deformation_has_no_inverse(ctx):
    with pytest.raises(ConfigError, match="cannot be inverted"):
        inverted([Transform(".nii.gz", b"")], ctx)


def test_a_damaged_transform_is_refused(brain, brain_grids, ctx):
    with pytest.raises(DataError, match="holds no transform"):
        matrix_of(Transform(".txt", b"no transform"), ctx)
    image = brain(brain_grids["RAS"])
    with pytest.raises(DataError, match="ANTs can"):
        carry(
            image.data, image.grid, image.grid, [Transform(".txt", b"no transform")], "linear", ctx
        )


def test_the_template_is_a_brain_in_mni_space(ctx):
    template = load_template(MNI, ctx.read)
    assert template.image.grid.shape == (197, 233, 189)
    assert 1700 < template.brain.volume_ml() < 2000
    assert not template.image.data[~template.brain.data].any()
    assert space_name("a/T1 brain-2.nii") == "T1brain2"


def test_a_template_without_anything_is_refused(brain_grids):
    empty = Volume(np.zeros(brain_grids["RAS"].shape), brain_grids["RAS"])
    with pytest.raises(DataError, match="shows nothing"):
        load_template("x.nii", lambda path: empty)
