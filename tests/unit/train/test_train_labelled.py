"""Volumes with classes: packed, warped, changed, and a run that trains on them."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from brainfill.bundles.store import SEGMENTERS, load_bundle
from brainfill.core.config import override
from brainfill.core.errors import ConfigError, DataError, InputMissingError
from brainfill.segmentation import blocks
from brainfill.train import scanners
from brainfill.train.labelled import LabelledPack, load_labelled, save_labelled
from brainfill.train.labelled_examples import LooksConfig, draw_labelled
from brainfill.train.pack import Pack, save_pack
from brainfill.train.recipe import Recipe
from brainfill.train.run import train_run
from brainfill.train.warps import WarpConfig, draw_warp, sampled, smooth_field

STILL = WarpConfig(shift_vox=(0, 0, 0), turn_deg=0, zoom=0, stretch=0, bend_vox=0)
NEVER = LooksConfig(
    warp=STILL,
    painted=0,
    contrast=0,
    lesions=0,
    spots=0,
    bias=0,
    coarse=0,
    noise=0,
    cut=0,
    cropped=0,
    stripped=0,
    gaps=0,
    no_head=0,
)
TINY = [
    "model.crop_vox=[8,10,12]",
    "train.steps=4",
    "train.batch=2",
    "train.warmup=2",
    "train.precision=float32",  # gradients of networks this small are no numbers in bfloat16
]


def ball(shape=(20, 22, 24), radius=7):
    middle = (np.array(shape) - 1) / 2
    distance = np.linalg.norm(np.indices(shape).T - middle, axis=-1).T
    return distance < radius, distance < radius + 2


def pack_of(painted=(False, True)):
    brain, head = ball()
    regions = (brain.astype(np.uint8) + head).astype(np.uint8)
    scan = np.where(brain, 200, np.where(head, 90, 0)).astype(np.uint8)
    images = [regions if flag else scan for flag in painted]
    names = [f"sub-{i}" for i in range(len(painted))]
    return LabelledPack(names, images, [brain.astype(np.uint8)] * len(painted), painted, 2.0)


@pytest.fixture
def data(tmp_path):
    save_labelled(pack_of(), tmp_path / "heads.npz")
    return tmp_path / "heads.npz"


@pytest.fixture
def head():
    """An image (1, D, H, W) in [0, 1] and its foreground."""
    brain, around = (torch.from_numpy(flags).float()[None] for flags in ball())
    return 0.3 * around + 0.4 * brain, brain


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_pack_comes_back_as_it_was(data):
    before, after = pack_of(), load_labelled(data)
    assert (after.names, after.painted, after.spacing_mm) == (before.names, [False, True], 2.0)
    for kind in ("images", "classes"):
        for one, other in zip(getattr(before, kind), getattr(after, kind), strict=True):
            assert other.dtype == np.uint8
            np.testing.assert_array_equal(one, other)


def test_a_missing_pack_tells_how_to_make_one(tmp_path):
    with pytest.raises(InputMissingError, match=r"no packed training data at '.*h\.npz'") as info:
        load_labelled(tmp_path / "h.npz")
    assert "pack_heads.py" in info.value.hint


def test_a_pack_for_inpainters_is_none_for_segmenters(tmp_path):
    volume = np.full((4, 5, 6), 200, np.uint8)
    save_pack(Pack(["sub-01"], [volume], []), tmp_path / "p.npz")
    with pytest.raises(DataError, match="is not packed training data with classes"):
        load_labelled(tmp_path / "p.npz")


def test_a_pack_of_a_later_format_is_refused(data, monkeypatch):
    monkeypatch.setattr("brainfill.train.archive.FORMAT", 0)
    with pytest.raises(DataError, match="has pack format 1, expected 0"):
        load_labelled(data)


def test_a_damaged_pack_is_named(data):
    data.write_bytes(data.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"heads\.npz' is not packed training data"):
        load_labelled(data)


@pytest.mark.parametrize("classes", [np.zeros((4, 5, 6), np.int32), np.zeros((4, 5, 7), np.uint8)])
def test_arrays_that_do_not_belong_together_are_refused(tmp_path, classes):
    image = np.zeros((4, 5, 6), np.uint8)
    save_labelled(LabelledPack(["a"], [image], [classes], [False], 2.0), tmp_path / "h.npz")
    with pytest.raises(
        DataError, match=r"volume 'a' of .* must hold two uint8 arrays of one shape"
    ):
        load_labelled(tmp_path / "h.npz")


def test_a_warp_that_changes_nothing_cuts_out_the_crop_as_it_was_or_mirrored():
    volume = torch.rand((1, 9, 11, 13))
    crop = volume[:, 2:7, 3:8, 4:9]
    seen = set()
    for seed in range(8):
        grid = draw_warp((9, 11, 13), np.array([4, 5, 6]), (5, 5, 5), STILL, rng(seed))
        found = sampled(volume, grid)
        seen.add("plain" if torch.allclose(found, crop, atol=1e-5) else "mirrored")
        assert torch.allclose(found, crop, atol=1e-5) or torch.allclose(
            found, crop.flip(2), atol=1e-5
        )
    assert seen == {"plain", "mirrored"}


@pytest.mark.parametrize("seed", range(6))
def test_a_crop_moved_by_whole_voxels_is_not_blurred(seed):
    volume = torch.arange(12 * 10 * 14, dtype=torch.float32).reshape(1, 12, 10, 14)
    config = WarpConfig(still=1, shift_vox=(2.0, 2.0, 2.0))
    grid = draw_warp((12, 10, 14), np.array([6.0, 5, 7]), (6, 4, 5), config, rng(seed))
    crop = sampled(volume, grid)[0]
    where = int(crop[0, 0, 0].round())
    z, y, x = where // 140, where // 14 % 10, where % 14
    rows = slice(y, y + 4) if crop[0, 1, 0] > crop[0, 0, 0] else slice(y - 3, y + 1)
    expected = volume[0, z : z + 6, rows, x : x + 5]
    expected = expected if rows.start == y else expected.flip(1)  # left and right are alike
    torch.testing.assert_close(crop, expected, atol=0.01, rtol=0)


def test_a_turn_keeps_the_distance_from_the_centre():
    place = torch.from_numpy(np.indices((21, 21, 21)) - 10).float()
    blob = torch.exp(-((place - torch.tensor([3.0, 4, 0])[:, None, None, None]) ** 2).sum(0) / 8)
    config, moved = override(STILL, ["turn_deg=40"]), []
    for seed in range(5):
        grid = draw_warp((21, 21, 21), np.array([10.0] * 3), (21, 21, 21), config, rng(seed))
        found = sampled(blob[None], grid)[0]
        centre = (place * found).flatten(1).sum(1) / found.sum()
        assert float(centre.norm()) == pytest.approx(5, abs=0.1)
        moved.append(centre)
    assert torch.stack(moved).std(0).min() > 0.5


def test_a_zoom_changes_the_size():
    volume = torch.from_numpy(ball((31, 31, 31), 8)[0]).float()[None]
    config = override(STILL, ["zoom=0.2"])
    sizes = []
    for seed in range(6):
        grid = draw_warp((31, 31, 31), np.array([15.0] * 3), (31, 31, 31), config, rng(seed))
        sizes.append(float(sampled(volume, grid).sum() / volume.sum()))
    assert min(sizes) < 0.8
    assert max(sizes) > 1.2


def test_a_field_is_smooth_and_of_its_shape():
    field = smooth_field((12, 14, 16), 3, rng())
    assert field.shape == (1, 12, 14, 16)
    assert field.diff(dim=1).abs().max() < 0.6 < field.max() - field.min()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "change",
    [
        scanners.recoloured,
        scanners.with_lesions,
        scanners.with_spots,
        scanners.cut_beside,
        lambda image, _, rng: scanners.biased(image, rng),
        lambda image, _, rng: scanners.coarser(image, rng),
        lambda image, _, rng: scanners.without_slices(image, rng),
        lambda image, _, rng: scanners.noisy(image, rng),
        lambda image, _, rng: scanners.no_head(image, rng),
        lambda image, _, rng: scanners.stripped(image, torch.zeros_like(image), rng)[0],
    ],
)
def test_changes_keep_the_shape_and_give_numbers(head, change, seed):
    image, foreground = head
    before = image.clone()
    changed = change(image, foreground, rng(seed))
    assert changed.shape == image.shape
    assert torch.isfinite(changed).all()
    assert torch.equal(image, before), "the input stays as it was"
    assert torch.equal(changed, change(image, foreground, rng(seed)))


@pytest.mark.parametrize("seed", range(6))
def test_lesions_stay_inside_and_cuts_outside_the_foreground(head, seed):
    image, foreground = head
    lesions = scanners.with_lesions(image, foreground, rng(seed))
    assert torch.equal(lesions[foreground == 0], image[foreground == 0])
    assert not torch.equal(lesions, image)
    cut = scanners.cut_beside(image, foreground, rng(seed))
    assert torch.equal(cut[foreground > 0.5], image[foreground > 0.5])


@pytest.mark.parametrize("seed", range(6))
def test_spots_are_dark_and_begin_in_white_matter(head, seed):
    image, white = head
    spots = scanners.with_spots(image, white, rng(seed))
    assert torch.equal(spots[image == 0], image[image == 0]), "air stays as it was"
    changed = spots != image
    inside = changed & (white > 0)
    assert inside.any()
    assert spots[inside].mean() < image[inside].mean()
    # Where the image shows nothing but white matter, no voxel outside of it changes.
    alone = image * white
    assert torch.equal(scanners.with_spots(alone, white, rng(seed))[white == 0], alone[white == 0])


def test_some_spots_reach_beyond_white_matter_and_most_do_not(head):
    image, white = head
    changed = [scanners.with_spots(image, white, rng(seed)) != image for seed in range(12)]
    beyond = sum(int(c[white == 0].sum()) for c in changed)
    within = sum(int(c[white > 0].sum()) for c in changed)
    assert 0 < beyond < within / 2


def test_spots_are_small():
    image, white = torch.ones((1, 48, 50, 52)), torch.zeros((1, 48, 50, 52))
    centre = torch.tensor([24, 20, 30])
    white[0, 24, 20, 30] = 1
    reached = []
    for seed in range(30):
        changed = scanners.with_spots(image, white, rng(seed)) != image
        where = torch.nonzero(changed[0]) - centre
        reached.append(float(where.abs().max()) if len(where) else 0.0)
    # Radii of 8 voxels, and what their ragged borders add.
    assert 3 < max(reached) <= 14


def test_without_white_matter_there_are_no_spots(head):
    image, _ = head
    assert torch.equal(scanners.with_spots(image, torch.zeros_like(image), rng()), image)


@pytest.mark.parametrize("seed", range(12))
def test_a_stripped_image_shows_what_is_left_and_little_more(head, seed):
    image, foreground = head
    shown, left = scanners.stripped(image, foreground, rng(seed))
    assert torch.equal(shown[left > 0], image[left > 0])
    wider = torch.nn.functional.max_pool3d(left[None], 3, 1, 1)[0]
    assert not shown[wider == 0].any()
    assert 0 < left.sum() <= foreground.sum()


def test_painted_regions_differ_in_brightness():
    regions = torch.zeros((1, 8, 8, 16))
    regions[..., 8:] = 3
    image = scanners.painted(regions, rng(1))
    assert abs(float(image[..., :6].mean() - image[..., 10:].mean())) > 0.1


def test_without_changes_an_example_is_the_crop_and_its_class():
    model = override(blocks.PRESETS["tiny"], ["crop_vox=[20,22,24]"])
    image, brain = draw_labelled(pack_of((False,)), model, NEVER, rng())
    truth = torch.from_numpy(ball()[0]).float()
    assert ((brain > 0.5) == (truth > 0.5)).float().mean() > 0.97
    assert image[truth > 0].mean() > 0.95
    assert image.min() == 0


@pytest.mark.parametrize("change", ["stripped", "no_head", "cropped", "gaps", "painted", "lesions"])
def test_every_change_is_made_when_it_is_certain(change):
    model = override(blocks.PRESETS["tiny"], ["crop_vox=[20,22,24]"])
    draw = partial(draw_labelled, pack_of(), model)
    for seed in range(4):
        image, brain = draw(override(NEVER, [f"{change}=1"]), rng(seed))
        if change == "no_head":
            assert not brain.any()
        elif change == "stripped":
            assert not image[brain == 0].count_nonzero() > 0.5 * image.numel()
        assert image.shape == brain.shape == (20, 22, 24)
        assert 0 <= image.min() <= image.max() <= 1.5
        assert 0 <= brain.min() <= brain.max() <= 1


def test_spots_lie_in_the_last_class_and_leave_the_shares():
    pack = pack_of((False,))
    pack.classes[0][ball(radius=5)[0]] = 2
    pack.images[0] = np.where(pack.classes[0] > 0, 200, 0).astype(np.uint8)
    model = override(blocks.PRESETS["tiny"], ['classes=["a","b","c"]', "crop_vox=[20,22,24]"])
    darker = 0.0
    for seed in range(6):
        plain = draw_labelled(pack, model, NEVER, rng(seed))
        spotted = draw_labelled(pack, model, override(NEVER, ["spots=1"]), rng(seed))
        assert torch.equal(
            spotted, draw_labelled(pack, model, override(NEVER, ["spots=1"]), rng(seed))
        )
        assert not torch.equal(spotted[0], plain[0])
        last = spotted[2] > 0.9
        darker += float((plain[0] - spotted[0])[last].mean())
        assert torch.equal(spotted[1:], plain[1:])
    assert darker / 6 > 0.02


def test_three_classes_have_two_shares():
    pack = pack_of((False,))
    pack.classes[0][ball(radius=3)[0]] = 2
    model = override(blocks.PRESETS["tiny"], ['classes=["a","b","c"]', "crop_vox=[20,22,24]"])
    _, outer, inner = draw_labelled(pack, model, NEVER, rng())
    assert outer.sum() > inner.sum() > 50
    assert (outer + inner).max() <= 1 + 1e-5


def train(data, out, **options):
    said = []
    options = {"settings": TINY, "say": said.append} | options
    return train_run(Recipe(family="blocks", preset="tiny"), data, out, **options), said


def test_a_run_on_heads_that_was_interrupted_equals_one_that_was_not(data, tmp_path):
    times = iter(range(0, 10_000, 40))
    train(data, tmp_path / "once" / "run")
    _, said = train(data, tmp_path / "twice" / "run", max_minutes=1, clock=lambda: next(times))
    assert said[-1] == "time is up at step 2; the same command continues"
    train(data, tmp_path / "twice" / "run")
    once, twice = (load_file(tmp_path / f / "run" / "state.safetensors") for f in ("once", "twice"))
    assert all(torch.equal(once[k], twice[k]) for k in once)


def test_a_run_on_heads_exports_a_segmenter_of_their_voxel_size(data, tmp_path):
    folder, _ = train(data, tmp_path / "run")
    bundle = load_bundle(folder, SEGMENTERS)
    assert bundle.card.spacing_mm == 2.0
    assert bundle.card.data == "2 scans: sub-0, sub-1"
    assert bundle.model.config.crop_vox == (8, 10, 12)
    kept = json.loads((tmp_path / "run" / "run.json").read_text())
    assert kept["train"]["looks"]["painted"] == 0.25


def test_a_run_may_begin_with_the_weights_of_a_bundle(data, tmp_path):
    first, _ = train(data, tmp_path / "first")
    begin = [*TINY, f"train.begin={first}", "train.rate=1e-8"]
    second, _ = train(data, tmp_path / "second", settings=begin)
    weights = [load_file(folder / "model.safetensors") for folder in (first, second)]
    assert all(torch.allclose(weights[0][k], weights[1][k], atol=1e-4) for k in weights[0])


def test_a_run_cannot_begin_with_another_network(data, tmp_path):
    first, _ = train(data, tmp_path / "first")
    begin = [*TINY, f"train.begin={first}", "model.unet.width=16"]
    with pytest.raises(ConfigError, match=r"cannot begin with '.*', which holds another network"):
        train(data, tmp_path / "second", settings=begin)
