"""Steps: their order, what they need, what redoes them, and options that cannot be meant."""

from dataclasses import fields, replace

import pytest

from brainfill.bids.commands import IN_VOXELS
from brainfill.bids.config import BidsConfig, in_order, read_settings
from brainfill.bids.plan import all_needs, needs, print_of, steps_of
from brainfill.core import registry
from brainfill.core.errors import ConfigError, DataError, InputMissingError

MNI = "MNI152NLin2009aSym"
ALL = BidsConfig(
    steps=("preprocess", "fill", "smooth", "thickness", "compare"), output_spaces=("T1w", MNI)
)


def test_steps_come_in_order():
    config = in_order(BidsConfig(steps=("smooth", "fill", "preprocess"), output_spaces=(MNI,)))
    assert steps_of(config) == ["lesion", "preprocess", "fill", "smooth", "spaces"]
    # What takes longest comes last; to compare, the scan as it was must be measured too.
    assert steps_of(ALL)[4:] == ["spaces", "unfilled", "thickness", "compare"]
    assert "unfilled" not in steps_of(replace(ALL, steps=("fill", "thickness")))


def test_what_steps_need():
    assert needs("spaces", ALL) == ("preprocess", "smooth")
    assert all_needs("spaces", ALL) == {"lesion", "preprocess", "fill", "smooth"}
    assert needs("spaces", replace(ALL, steps=("fill",))) == ("preprocess", "fill")
    assert needs("thickness", ALL) == ("smooth", "preprocess")
    assert needs("thickness", replace(ALL, steps=("fill", "thickness"))) == ("fill",)
    assert all_needs("compare", ALL) == set(steps_of(ALL)) - {"spaces", "compare"}
    # What is filled says nothing about the scan as it was.
    assert all_needs("unfilled", ALL) == {"lesion", "preprocess"}


def test_tools_that_measure_on_surfaces_find_the_brain_themselves():
    surfaces = replace(ALL, thickness_backend="freesurfer")
    assert needs("unfilled", surfaces) == ("lesion",)
    assert needs("thickness", surfaces) == ("smooth",)


def test_tools_that_measure_in_voxels_are_those_that_use_lesions():
    package = "brainfill.thickness.backends"
    known = [n for n in registry.names(package) if registry.load(package, n).USES_LESIONS]
    assert known == list(IN_VOXELS)
    fields_of = {n: {f.name for f in fields(registry.load(package, n).Config)} for n in known}
    assert all("skullstrip" in names for names in fields_of.values())


@pytest.mark.parametrize("step", steps_of(ALL))
def test_another_input_redoes_everything(step):
    base = print_of(step, ALL, ["a"], ["x"])
    assert print_of(step, ALL, ["a"], ["y"]) != base
    assert (print_of(step, ALL, ["b"], ["x"]) != base) is (step == "lesion")


MEASURE = {
    "thickness_backend": "fastsurfer",
    "thickness_settings": ("direct.iterations=20",),
    "thickness_mask": False,
    "random_seed": 1,
}
CHANGES = {
    "lesion": {"label": 2, "nan_to_zero": True, "assume_same_grid": True},
    "preprocess": {"skull_strip": "skip", "random_seed": 1, "nan_to_zero": True},
    "fill": {
        "method": "patch",
        "quality": "best",
        "dilate": 2,
        "random_seed": 1,
        "on_empty": "skip",
    },
    "smooth": {"smooth_if": 2.0},
    "unfilled": MEASURE,
    "thickness": MEASURE,
    "compare": {"random_seed": 1},
}
NO_MATTER = {
    *("participant_label", "session_label", "bids_filter_file", "derivatives", "steps"),
    *("output_spaces", "n_procs", "omp_nthreads", "mem_gb", "work_dir", "stop_on_first_crash"),
    *("skip_bids_validation", "report", "share_masks"),
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


@pytest.mark.parametrize("model", ["tissues", "regions", "brain-mask"])
def test_other_weights_redo_the_measurement(monkeypatch, model):
    from brainfill.bids import plan
    from brainfill.thickness.backends import direct

    config = replace(ALL, steps=("fill", "thickness"))
    before = print_of("thickness", config, [], [])
    other = replace(plan.read_card(plan.find(model)), weights_sha256="0" * 64)
    read = plan.read_card

    def changed(folder):
        return other if folder.name == model else read(folder)

    deep = registry.load("brainfill.preprocess.tissues", "deep")
    for module in (plan, direct, deep):
        monkeypatch.setattr(module, "read_card", changed)
    assert print_of("thickness", config, [], []) != before
    # Where preprocess gives the brain, the network that would find it is none of its business.
    given = print_of("thickness", ALL, [], [])
    monkeypatch.undo()
    assert (print_of("thickness", ALL, [], []) == given) is (model == "brain-mask")


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

    monkeypatch.setattr(config, "cores", lambda: 8)
    assert BidsConfig(n_procs=3).threads == 2
    assert BidsConfig(n_procs=16).threads == 1
    assert BidsConfig(n_procs=3, omp_nthreads=5).threads == 5


def test_a_config_file(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('n-procs = 2\nsteps = ["fill"]\n')
    assert read_settings(path) == {"n_procs": 2, "steps": ["fill"]}
    path.write_text("n-procs = two\n")
    with pytest.raises(DataError, match="is not TOML"):
        read_settings(path)
    with pytest.raises(InputMissingError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")
