"""Packed training data: what goes in, what comes out, and files that are something else."""

import json
import zipfile

import numpy as np
import pytest

from brainfill.core.errors import DataError, InputMissingError
from brainfill.train.pack import BRIGHT, Pack, load_pack, packed_shapes, packed_volume, save_pack

RNG = np.random.default_rng(0)
VOLUME = RNG.integers(0, 256, (5, 6, 7)).astype(np.uint8)
SHAPES = [RNG.random(size) < 0.6 for size in ((1, 1, 1), (2, 3, 4), (3, 3, 3), (5, 1, 2))]


def stored(path, volumes=(VOLUME,), shapes=SHAPES):
    save_pack(Pack([f"sub-{i:02}" for i in range(len(volumes))], list(volumes), shapes), path)
    return path


def with_about(path, about):
    """The pack with another description of itself."""
    with np.load(stored(path)) as file:
        arrays = dict(file)
    arrays["about"] = np.frombuffer(about.encode(), np.uint8)
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("shapes", [SHAPES, SHAPES[:1], []], ids=len)
def test_a_pack_comes_back_as_it_was(tmp_path, shapes):
    pack = load_pack(stored(tmp_path / "p.npz", [VOLUME, VOLUME[:3, ::-1]], shapes))
    assert list(pack.names) == ["sub-00", "sub-01"]
    for volume, expected in zip(pack.volumes, [VOLUME, VOLUME[:3, ::-1]], strict=True):
        assert volume.dtype == np.uint8
        np.testing.assert_array_equal(volume, expected)
    for shape, expected in zip(pack.shapes, shapes, strict=True):
        assert shape.dtype == bool
        np.testing.assert_array_equal(shape, expected)


def test_names_are_kept_whatever_their_letters(tmp_path):
    save_pack(Pack(['Zoë/../01 "x"'], [VOLUME], []), tmp_path / "p.npz")
    assert list(load_pack(tmp_path / "p.npz").names) == ['Zoë/../01 "x"']


def test_no_member_of_the_file_is_a_pickle(tmp_path):
    with zipfile.ZipFile(stored(tmp_path / "p.npz")) as archive:
        for member in archive.namelist():
            assert b"'|O'" not in archive.read(member)[:128]


def test_a_missing_pack_tells_how_to_make_one(tmp_path):
    with pytest.raises(InputMissingError, match=r"no packed training data at '.*p\.npz'") as info:
        load_pack(tmp_path / "p.npz")
    assert "brainfill train pack" in info.value.hint
    with pytest.raises(InputMissingError):
        load_pack(tmp_path)


def write_text(path):
    path.write_text("a text file of some length, which is not an archive of arrays")


def write_nothing(path):
    path.touch()


def write_one_array(path):
    with path.open("wb") as file:
        np.save(file, VOLUME)


def write_a_pickle(path):
    np.savez(path, about=np.array([{"format": 1}], dtype=object))


def write_other_arrays(path):
    np.savez(path, x=VOLUME)


def cut_short(path):
    whole = stored(path).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def encrypt(path):
    content = bytearray(stored(path).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # a flag of the first entry in the contents
    path.write_bytes(content)


def describe_as_a_list(path):
    with_about(path, "[1]")


def describe_as_no_json(path):
    with_about(path, "{")


def name_more_than_there_is(path):
    with_about(path, json.dumps({"format": 1, "names": ["a", "b"]}))


@pytest.mark.parametrize(
    "write",
    [
        write_text,
        write_nothing,
        write_one_array,
        write_a_pickle,
        write_other_arrays,
        cut_short,
        encrypt,
        describe_as_a_list,
        describe_as_no_json,
        name_more_than_there_is,
    ],
)
def test_other_files_are_refused(tmp_path, write):
    path = tmp_path / "p.npz"
    write(path)
    with pytest.raises(DataError, match=r"p\.npz' is not packed training data: .") as info:
        load_pack(path)
    assert "brainfill train pack" in info.value.hint


def test_a_damaged_byte_is_refused_or_does_not_matter(tmp_path):
    path = stored(tmp_path / "p.npz", [VOLUME, VOLUME[::-1]])
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 11):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            pack = load_pack(path)
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(pack.volumes, [VOLUME, VOLUME[::-1]])
    # Most of the file are the volumes, whose every byte is under a checksum.
    assert refused > len(whole) / 11 / 2


def test_another_format_is_named(tmp_path):
    path = with_about(tmp_path / "p.npz", json.dumps({"format": 2, "names": []}))
    with pytest.raises(DataError, match="has pack format 2, expected 1") as info:
        load_pack(path)
    assert info.value.hint == "pack the data again with this version"


@pytest.mark.parametrize(
    ("volume", "found"),
    [
        (VOLUME.astype(np.int16), r"int16 of shape \(5, 6, 7\)"),
        (VOLUME[0], r"uint8 of shape \(6, 7\)"),
        (np.minimum(VOLUME, BRIGHT - 1), r"uint8 of shape \(5, 6, 7\)"),
        (VOLUME[:0], r"uint8 of shape \(0, 6, 7\)"),
    ],
    ids=["dtype", "slice", "dark", "empty"],
)
def test_volumes_that_cannot_be_trained_on_are_named(tmp_path, volume, found):
    path = stored(tmp_path / "p.npz", [VOLUME, volume])
    with pytest.raises(DataError, match=f"volume 'sub-01' of .* tissue of 130 .*, found {found}"):
        load_pack(path)


def test_one_bright_voxel_is_tissue_enough(tmp_path):
    volume = np.zeros((3, 3, 3), np.uint8)
    volume[1, 1, 1] = BRIGHT
    assert len(load_pack(stored(tmp_path / "p.npz", [volume])).volumes) == 1


def test_a_pack_of_nobody_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no volumes"):
        load_pack(stored(tmp_path / "p.npz", []))


def test_packed_volumes_are_cut_to_the_foreground_with_slices_first():
    image = np.zeros((9, 10, 11), np.float32)
    image[2:5, 3:7, 4:9] = np.arange(60, dtype=np.float32).reshape(3, 4, 5) + 1
    volume = packed_volume(image)
    assert volume.shape == (5, 3, 4)
    assert volume.flags.c_contiguous
    # The voxel at (x, y, z) of the image lies at (z, x, y): up, to the right, to the front.
    top = np.percentile(np.arange(60) + 1, 99.9)
    for x, y, z in ((0, 0, 1), (1, 0, 0), (0, 1, 0), (2, 3, 0)):
        assert volume[z, x, y] == round(image[2 + x, 3 + y, 4 + z] / top * 255)


def test_packed_volumes_reach_255_whatever_the_unit_and_outliers():
    image = np.full((10, 10, 20), 200.0, np.float32)
    image[0, 0, :4] = [50, 100, 0, -30]
    image[5, 5, 5] = 1e6
    for unit in (1.0, 1e-3):
        volume = packed_volume(image * np.float32(unit))
        assert volume.dtype == np.uint8
        assert volume[:4, 0, 0].tolist() == [64, 128, 0, 0]  # 63.75 and 127.5
        assert volume[5, 5, 5] == volume[9, 9, 9] == 255


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_images_of_nothing_cannot_be_packed(value):
    with pytest.raises(DataError, match="without any value above zero"):
        packed_volume(np.full((3, 4, 5), value, np.float32))


def test_packed_shapes_by_hand():
    mask = np.zeros((30, 30, 30), bool)
    mask[1:3, 1:4, 1:5] = True
    mask[3, 4, 5] = True  # touches the first by a corner
    mask[1, 1, 8] = mask[1, 4, 8] = True  # too small, and in the box of the next
    mask[1, 1:5, 10:12] = True  # 8 voxels, the fewest that count
    mask[20, 1:8, 1] = True  # 7 voxels
    shapes = packed_shapes(mask)
    first = np.zeros((5, 3, 4), bool)
    first[:4, :2, :3] = True
    first[4, 2, 3] = True
    np.testing.assert_array_equal(shapes[0], first)
    np.testing.assert_array_equal(shapes[1], np.ones((2, 1, 4), bool))
    assert len(shapes) == 2


def test_a_lesion_does_not_carry_parts_of_its_neighbours():
    mask = np.zeros((12, 12, 3), bool)
    mask[0, :, 1] = mask[:, 0, 1] = True  # an angle
    mask[4:8, 4:8, 1] = True  # inside its box
    angle, square = packed_shapes(mask)
    assert (angle.sum(), angle.shape) == (23, (1, 12, 12))
    assert (square.sum(), square.shape) == (16, (1, 4, 4))


def test_lesions_larger_than_any_hole_are_left_out():
    mask = np.zeros((40, 40, 40), bool)
    mask[:20, :25, :40] = True  # 20,000 voxels, the most that count
    assert len(packed_shapes(mask)) == 1
    mask[20, 0, 0] = True
    assert packed_shapes(mask) == []


def test_no_lesions_are_no_shapes():
    assert packed_shapes(np.zeros((3, 3, 3), bool)) == []
