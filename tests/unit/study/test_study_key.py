"""The key: its truth, its seal, and that nothing guessable gives it away."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from study_cases import case

from brainfill.core.errors import DataError
from brainfill.study.config import StudyConfig
from brainfill.study.key import Key, Question, Shown, digest, drawn, generator, key_from


def lesions(*kinds):
    return tuple(Shown(kind=kind, volume_ml=0.1, centre_mm=(1.0, 2.0, -0.5)) for kind in kinds)


def key(form="forced", **questions):
    asked = {name: Question(case="c", lesions=lesions(*kinds)) for name, kinds in questions.items()}
    return Key(study="s", form=form, salt="salt", questions=asked)


FORCED = key(q1=("real", "synthetic", "real"), q2=("synthetic", "real"))
FREE = key("free", q1=("real",), q2=("synthetic",))


def test_truth_and_number_of_choices():
    assert [FORCED.truth(q) for q in ("q1", "q2")] == [2, 1]
    assert [FORCED.choices(q) for q in ("q1", "q2")] == [3, 2]
    assert [FREE.truth(q) for q in ("q1", "q2")] == [1, 2]
    assert [FREE.choices(q) for q in ("q1", "q2")] == [2, 2]


@pytest.mark.parametrize(
    ("form", "kinds"),
    [
        ("forced", ("real", "real")),
        ("forced", ("synthetic", "synthetic")),
        ("free", ("real", "synthetic")),
    ],
)
def test_questions_that_do_not_fit_the_form(form, kinds):
    with pytest.raises(DataError, match="question 'q1'"):
        key(form, q1=kinds)


def test_a_key_survives_its_file():
    again = key_from(json.loads(json.dumps(dataclasses.asdict(FORCED))), "key.json")
    assert again == FORCED
    assert again.seal() == FORCED.seal()


def test_the_seal_is_sha256_of_the_whole_key():
    # By hand: sorted keys, no spaces.
    plain = (
        '{"form":"free","questions":{"q1":{"case":"c","lesions":[{"centre_mm":[1.0,2.0,-0.5],"kind":"real",'
        '"volume_ml":0.1}]}},"salt":"salt","study":"s"}'
    )
    assert key("free", q1=("real",)).seal() == hashlib.sha256(plain.encode()).hexdigest()


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(FORCED, salt="other"),
        dataclasses.replace(FORCED, study="other"),
        key(q1=("synthetic", "real", "real"), q2=("synthetic", "real")),
    ],
)
def test_any_change_breaks_the_seal(changed):
    assert changed.seal() != FORCED.seal()


@pytest.mark.parametrize(
    "plain", [{}, {"study": "s"}, {**dataclasses.asdict(FORCED), "form": "x"}, {"study": 1}]
)
def test_what_is_no_key(plain):
    with pytest.raises(DataError, match=r"'key\.json' is not the key of a study"):
        key_from(plain, "key.json")


def secret(seed=0, config=None, **options):
    made = case(**options)
    return digest(seed, config or StudyConfig(), [made.name, *made.images.values(), *made.masks])


def test_the_secret_needs_seed_options_names_and_every_voxel():
    same = secret()
    assert same == secret()
    others = [
        secret(seed=1),
        secret(config=StudyConfig(pick="similar")),
        secret(name="two"),
        secret(contrasts=("T1w",)),
        secret(synthetic={(0, 3, 11): 3.9}),
    ]
    assert len({same, *others}) == 6


def test_one_voxel_changes_the_secret():
    made = case()
    values = np.array(made.images["T1w"].data)
    values[0, 0, 0] += 1
    one, other = (
        digest(0, StudyConfig(), [v]) for v in (made.images["T1w"], made.images["T1w"].like(values))
    )
    assert one != other


def test_uses_of_a_secret_are_apart_and_repeatable():
    assert drawn(b"x", "salt") != drawn(b"x", "name")
    one, again = (generator(b"x", "order").permutation(50) for _ in range(2))
    np.testing.assert_array_equal(one, again)
