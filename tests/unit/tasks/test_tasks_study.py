"""A study drawn from cases in memory: blinded, sealed, the same for the same seed."""

import json
import re
from collections import Counter

import numpy as np
import pytest
from study_cases import GRID, REAL, SYNTHETIC, case, head

from brainfill.core.context import Context
from brainfill.core.errors import DataError, GeometryError
from brainfill.core.grid import Grid
from brainfill.core.volume import Volume
from brainfill.study import questions
from brainfill.study.config import StudyConfig
from brainfill.study.key import key_from
from brainfill.study.questions import Case
from brainfill.tasks import study

SMALL = {"crop_mm": 20, "pixel_mm": 2}


def draw(cases, ctx=None, **options):
    result = study.run(cases, len(cases), StudyConfig(**SMALL, **options), ctx or Context())
    page = result.files[study.PAGE].decode()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    return data, key_from(json.loads(result.files[study.KEY]), "key"), result


def several(n, **options):
    return [case(f"case-{i}", seed=i, contrasts=("T1w",), **options) for i in range(n)]


@pytest.fixture(scope="module")
def twelve():
    return draw(several(12), seed_context(5), candidates=4)


def seed_context(seed):
    return Context(seed=seed)


def test_page_and_key_ask_the_same(twelve):
    data, key, result = twelve
    assert data["study"] == key.study == result.facts["Study"]
    assert data["key_sha256"] == key.seal() == result.facts["KeySHA256"]
    assert [q["id"] for q in data["questions"]] == list(key.questions)
    assert [len(q["lesions"]) for q in data["questions"]] == [4] * 12
    assert result.facts["Lesions"] == 48


def test_each_lesion_in_three_planes_of_each_contrast():
    data, _, _ = draw([case()])
    for views in data["questions"][0]["lesions"]:
        assert [(v["contrast"], v["plane"]) for v in views] == [
            (contrast, plane)
            for contrast in ("T1w", "FLAIR")
            for plane in ("axial", "coronal", "sagittal")
        ]
        assert all(v["path"].startswith("M") for v in views)


def test_the_page_holds_nothing_that_tells(twelve):
    data, key, result = twelve
    page = result.files[study.PAGE].decode() + result.files[study.README].decode()
    assert set(data) == {
        "study", "form", "key_sha256", "task", "convention", "crop_mm", "pixels", "edges", "questions",
    }  # fmt: skip
    for question in data["questions"]:
        assert set(question) == {"id", "lesions"}
        assert all(
            set(v) == {"contrast", "plane", "png", "path"}
            for views in question["lesions"]
            for v in views
        )
    assert key.salt not in page
    assert "case-" not in page
    assert "volume_ml" not in page


def test_no_place_and_no_order_of_cases_is_preferred(twelve):
    _, key, _ = twelve
    places = Counter(key.truth(q) for q in key.questions)
    assert len(places) >= 3  # all in one of two places: chance below 2e-3, and the seed is fixed
    assert [q.case for q in key.questions.values()] != [f"case-{i}" for i in range(12)]


def test_the_place_is_random_over_seeds(monkeypatch):
    monkeypatch.setattr(questions, "views", lambda *_: [])
    grid = Grid(
        (20, 20, 20), np.diag([2.4, 2.4, 2.4, 1]) - np.array([[0, 0, 0, 24]] * 3 + [[0] * 4])
    )
    made = [case(grid=grid, contrasts=("T1w",))]
    places = Counter(
        draw(made, seed_context(seed), candidates=3)[1].truth("q1") for seed in range(60)
    )
    # 20 expected of each; 8 is more than three standard deviations (3.7) away.
    assert sorted(places) == [1, 2, 3]
    assert min(places.values()) > 8


def test_same_seed_same_bytes_other_seed_other_study():
    one, again, other = (draw(several(2), seed_context(seed))[2] for seed in (3, 3, 4))
    assert one.files == again.files
    assert one.facts["Study"] != other.facts["Study"]
    assert one.facts["KeySHA256"] != other.facts["KeySHA256"]


def test_the_key_points_at_the_lesion_that_was_painted(twelve):
    _, key, _ = twelve
    (centre,) = SYNTHETIC
    for name, question in key.questions.items():
        chosen = question.lesions[key.truth(name) - 1]
        assert np.linalg.norm(np.subtract(chosen.centre_mm, centre)) < 1.3


def test_one_by_one():
    data, key, result = draw(several(3), free=True, candidates=4)
    # Of each case the synthetic lesion and two real ones.
    assert Counter(key.truth(q) for q in key.questions) == {1: 6, 2: 3}
    assert all(len(q["lesions"]) == 1 for q in data["questions"])
    assert [q.case for q in key.questions.values()] != sorted(
        q.case for q in key.questions.values()
    )
    assert "How many are synthetic is not told" in result.files[study.README].decode()


def test_one_by_one_takes_cases_of_one_kind():
    healthy = case("healthy", real={})
    untouched = case("patient", synthetic={})
    _, key, _ = draw([healthy, untouched], free=True)
    assert Counter((q.case, q.lesions[0].kind) for q in key.questions.values()) == {
        ("healthy", "synthetic"): 1,
        ("patient", "real"): 4,
    }


def test_a_contrast_on_another_grid(grids):
    turned = Grid(
        (46, 44, 42), np.array([[0, 0, 1.1, -23], [-1.1, 0, 0, 24], [0, 1.1, 0, -24], [0, 0, 0, 1]])
    )
    made = case(contrasts=("T1w",))
    flair = head(turned, "FLAIR")
    both = Case("one", {**made.images, "FLAIR": flair}, made.real, made.synthetic)
    data, _, _ = draw([both])
    assert len(data["questions"][0]["lesions"][0]) == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [({"real": {}}, "has no real lesion"), ({"synthetic": {}}, "has no synthetic lesion")],
)
def test_a_case_that_cannot_be_asked_is_named(options, words):
    with pytest.raises(DataError, match=f"case 'bad': it {words}"):
        draw([case("bad", **options)])


def test_a_blank_image():
    made = case("bad", contrasts=("T1w",))
    blank = Case("bad", {"T1w": Volume(np.zeros(GRID.shape), GRID)}, made.real, made.synthetic)
    with pytest.raises(DataError, match=r"case 'bad': .*one value"):
        draw([blank])


def test_a_lesion_outside_the_second_image():
    made = case("bad", contrasts=("T1w",))
    low = Grid((40, 42, 10), GRID.affine)  # ends at -12 mm
    images = {**made.images, "FLAIR": head(low, "FLAIR")}
    with pytest.raises(
        GeometryError, match=r"case 'bad': its lesion at .* outside the FLAIR image"
    ):
        draw([Case("bad", images, made.real, made.synthetic)])


def test_warns_about_too_few_lesions():
    heard = []
    draw(several(1), Context(warn=heard.append))
    assert heard == ["case 'case-0' has only 5 lesions to choose from, not 10"]


@pytest.mark.parametrize(("radius", "word"), [(5.5, "largest"), (2.2, "smallest")])
def test_warns_if_size_tells(radius, word):
    heard = []
    cases = several(3, synthetic={(0, 3, 11): radius})
    draw(cases, Context(warn=heard.append), candidates=5)
    (told,) = heard
    # 3 of 3 by chance: (1/5)^3.
    assert f"the synthetic lesion is the {word} in 3 of 3 cases" in told


def test_does_not_warn_if_size_tells_nothing(twelve):
    heard = []
    # Radii 4.5, 4, 3.8 (synthetic), 3.5, 3.
    draw(several(3), Context(warn=heard.append), candidates=5)
    assert heard == []


def test_progress_reaches_the_end():
    seen = []
    draw(several(2), Context(progress=lambda *told: seen.append(told)))
    assert seen == [("drawing cases", i, 2) for i in range(3)]


def test_every_real_lesion_is_there_when_all_fit():
    _, key, _ = draw([case()], candidates=10)
    shown = {lesion.kind: 0 for lesion in key.questions["q1"].lesions}
    assert set(shown) == {"real", "synthetic"}
    assert len(key.questions["q1"].lesions) == len(REAL) + 1
