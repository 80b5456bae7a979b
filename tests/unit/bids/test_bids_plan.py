"""Steps: their order, what they need, what redoes them, and options that cannot be meant."""

from dataclasses import fields, replace

import pytest

from brainfill.bids.config import BidsConfig, in_order, read_toml
from brainfill.bids.plan import all_needs, needs, print_of, steps_of
from brainfill.core.errors import ConfigError, DataError, InputMissingError, UnavailableError

MNI = "MNI152NLin2009aSym"
ALL = BidsConfig(steps=("preprocess", "fill", "smooth"), output_spaces=("T1w", MNI))


def test_steps_come_in_order():
    config = in_order(BidsConfig(steps=("smooth", "fill", "preprocess"), output_spaces=(MNI,)))
    assert steps_of(config) == ["lesion", "preprocess", "fill", "smooth", "spaces"]


def test_what_steps_need():
    assert needs("spaces", ALL) == ("preprocess", "smooth")
    assert all_needs("spaces", ALL) == {"lesion", "preprocess", "fill", "smooth"}
    assert needs("spaces", replace(ALL, steps=("fill",))) == ("preprocess", "fill")


@pytest.mark.parametrize("step", ["lesion", "preprocess", "fill", "smooth", "spaces"])
def test_another_input_redoes_everything(step):
    base = print_of(step, ALL, ["a"], ["x"])
    assert print_of(step, ALL, ["a"], ["y"]) != base
    assert (print_of(step, ALL, ["b"], ["x"]) != base) is (step == "lesion")


CHANGES = {
    "preprocess": {"skull_strip": "skip", "random_seed": 1},
    "fill": {
        "method": "patch",
        "quality": "best",
        "dilate": 2,
        "random_seed": 1,
        "on_empty": "skip",
    },
    "smooth": {"smooth_if": 2.0},
}
NO_MATTER = {
    *("participant_label", "session_label", "bids_filter_file", "derivatives", "steps"),
    *("output_spaces", "n_procs", "omp_nthreads", "mem_gb", "work_dir", "stop_on_first_crash"),
    *("skip_bids_validation", "report"),
}


@pytest.mark.parametrize(("step", "name"), [(s, n) for s, c in CHANGES.items() for n in c])
def test_options_that_change_the_outcome_redo_the_step(step, name):
    other = replace(ALL, **{name: CHANGES[step][name]})
    assert print_of(step, other, [], []) != print_of(step, ALL, [], [])


def test_every_option_is_known_to_matter_or_not():
    matter = {n for c in CHANGES.values() for n in c} | {"model", "deterministic", "device"}
    assert {f.name for f in fields(BidsConfig)} == matter | NO_MATTER


@pytest.mark.parametrize("name", ["n_procs", "omp_nthreads", "mem_gb", "work_dir"])
def test_how_it_is_run_redoes_nothing(name):
    other = replace(ALL, **{name: "elsewhere" if name == "work_dir" else 4})
    for step in steps_of(ALL):
        assert print_of(step, other, ["a"], ["x"]) == print_of(step, ALL, ["a"], ["x"])


def test_other_weights_redo_the_fill(monkeypatch):
    from brainfill.bids import plan

    before = print_of("fill", ALL, [], [])
    card = plan.read_card(plan.find("t1-fill"))
    monkeypatch.setattr(plan, "read_card", lambda _: replace(card, weights_sha256="0" * 64))
    assert print_of("fill", ALL, [], []) != before
    local = replace(ALL, method="localmean")
    assert print_of("fill", local, [], []) != before


@pytest.mark.parametrize("step", ["thickness", "compare"])
def test_a_step_that_is_not_there_is_refused(step):
    with pytest.raises(UnavailableError, match=f"'{step}' is not part of this version"):
        BidsConfig(steps=("fill", step))


def test_what_cannot_be_meant():
    with pytest.raises(ConfigError, match="unknown step 'fil'") as error:
        BidsConfig(steps=("fil",))
    assert error.value.hint == "did you mean 'fill'?"
    with pytest.raises(ConfigError, match="no step is given"):
        BidsConfig(steps=())
    with pytest.raises(ConfigError, match="unknown output space 'MNI152NLin2009cAsym'"):
        BidsConfig(output_spaces=("MNI152NLin2009cAsym",))
    with pytest.raises(ConfigError, match="less than one person takes"):
        BidsConfig(mem_gb=0.5)


def test_memory_bounds_how_many_run_at_once():
    assert BidsConfig(n_procs=8).at_once == 8
    assert BidsConfig(n_procs=8, mem_gb=5).at_once == 2
    assert BidsConfig(n_procs=2, mem_gb=64).at_once == 2


def test_cores_are_divided(monkeypatch):
    from brainfill.bids import config

    monkeypatch.setattr(config, "_cores", lambda: 8)
    assert BidsConfig(n_procs=3).threads == 2
    assert BidsConfig(n_procs=16).threads == 1
    assert BidsConfig(n_procs=3, omp_nthreads=5).threads == 5


def test_a_config_file(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('n-procs = 2\nsteps = ["fill"]\n')
    assert read_toml(path) == {"n_procs": 2, "steps": ["fill"]}
    path.write_text("n-procs = two\n")
    with pytest.raises(DataError, match="is not TOML"):
        read_toml(path)
    with pytest.raises(InputMissingError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")
