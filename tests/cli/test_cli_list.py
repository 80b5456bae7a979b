"""Listing what is installed, read from names and docstrings."""

import json

import pytest

from brainfill.core import registry


def test_samplers_are_listed_with_their_descriptions(call):
    outcome = call("list", "samplers")
    assert outcome.code == 0
    assert outcome.err == ""
    assert [line.split()[0] for line in outcome.out.splitlines()] == [
        "consistency",
        "ddim",
        "ddpm",
        "dpmpp2m",
        "heun",
    ]
    starts = {line.index(line.split(None, 1)[1]) for line in outcome.out.splitlines()}
    assert len(starts) == 1, "descriptions are aligned"


def test_json_holds_the_same(call):
    fillers = json.loads(call("list", "fillers", "--json").out)
    assert fillers == registry.describe("brainfill.fillers")
    assert "diffusion" in fillers


def test_models_come_from_their_cards(call, monkeypatch, tmp_path):
    from brainfill.bundles import store

    for name, family in (("t9", "slice2d"), ("tissue", "blocks")):
        (tmp_path / name).mkdir()
        card = {"name": name, "family": family, "version": "4", "licence": "CC BY-NC 4.0"}
        (tmp_path / name / "config.json").write_text(json.dumps(card))
    monkeypatch.setattr(store, "_SHIPPED", tmp_path)
    assert call("list", "models").out.splitlines() == [
        "t9      fills holes: slice2d, version 4, licence: CC BY-NC 4.0",
        "tissue  finds the class of voxels: blocks, version 4, licence: CC BY-NC 4.0",
    ]


def test_painters_are_listed_and_models_say_that_they_paint(call, monkeypatch, tmp_path):
    from brainfill.bundles import store

    found = json.loads(call("list", "painters", "--json").out)
    assert found == registry.describe("brainfill.painters")
    assert list(found) == ["coarse", "conditional", "guided"]
    (tmp_path / "p").mkdir()
    card = {"name": "p", "family": "memory3d", "lesions": {"T1w": {"median": 0.6}}}
    (tmp_path / "p" / "config.json").write_text(json.dumps(card))
    monkeypatch.setattr(store, "_SHIPPED", tmp_path)
    assert call("list", "models").out == "p  paints lesions: memory3d, version 1, licence: \n"


def test_families_of_both_kinds_are_listed(call):
    found = json.loads(call("list", "families", "--json").out)
    assert {"memory3d", "pseudo3d", "slice2d", "blocks"} <= found.keys()


def test_learners_are_listed(call):
    found = json.loads(call("list", "learners", "--json").out)
    assert {"inpaint", "paint", "segment"} <= found.keys()


@pytest.mark.parametrize(
    ("what", "some"),
    [
        ("guidance", {"classifier", "classifier_free", "regression", "segmentation"}),
        ("codecs", {"identity", "haar", "latent"}),
        ("tilings", {"whole", "slabs", "slices", "sequential", "views"}),
    ],
)
def test_the_parts_of_diffusion_models_are_listed(call, what, some):
    found = json.loads(call("list", what, "--json").out)
    assert found == registry.describe(f"brainfill.diffusion.{what}")
    assert some <= found.keys()


def test_recipes_are_listed_with_what_they_make(call):
    found = json.loads(call("list", "recipes", "--json").out)
    assert found["t1-fill"].startswith("The shipped model t1-fill: ")


def test_unknown_kind_names_the_known_ones(call):
    outcome = call("list", "sampler")
    assert outcome.code == 2
    assert "samplers" in outcome.err


def test_those_who_measure_thickness_and_tell_tissues_apart_are_listed(call):
    backends = json.loads(call("list", "backends", "--json").out)
    assert backends == registry.describe("brainfill.thickness.backends")
    assert list(backends) == ["ants", "antspynet", "direct", "dldirect", "fastsurfer", "freesurfer"]
    assert list(json.loads(call("list", "tissues", "--json").out)) == ["atropos", "deep", "kmeans"]


def test_what_thickness_offers_is_what_is_listed(call):
    said = call("thickness", "--help").out
    for kind in ("backends", "tissues"):
        for name in json.loads(call("list", kind, "--json").out):
            assert name in said
