"""What `brainfill info` says: versions, devices, models, programs, costs."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from command_line import all_commands

from brainfill import __version__
from brainfill.api._info import PACKAGES
from brainfill.bundles import store
from brainfill.cli import info as info_cli
from brainfill.tasks import info

ROOT = Path(__file__).parents[2]


@pytest.fixture
def facts(call):
    outcome = call("info", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    return json.loads(outcome.out)


def test_versions_are_those_installed(facts):
    import nibabel
    import torch

    found = facts["Versions"]
    assert found["brainfill"] == __version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert (found["torch"], found["nibabel"]) == (torch.__version__, nibabel.__version__)


def test_no_dependency_is_forgotten():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("dependencies = [")[2].partition("]")[0]
    wanted = {line.strip().lstrip('"').split(">")[0] for line in block.splitlines() if line.strip()}
    assert wanted - {"tomli"} == set(PACKAGES)


def test_the_processor_is_a_device(facts):
    import os

    first = facts["Devices"][0]
    assert first["Name"] == "cpu"
    assert first["Threads"] == len(os.sched_getaffinity(0))
    pages = Path("/proc/meminfo").read_text().split()[1]
    assert first["MemoryGiB"] == pytest.approx(int(pages) / 2**20, abs=0.1)


def test_cards_are_listed_with_their_memory(monkeypatch):
    import torch

    class Card:
        name, total_memory = "NVIDIA H100", 80 * 2**30

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Card)
    card = info.devices()[1]
    assert card == {"Name": "cuda:0", "Hardware": "NVIDIA H100", "MemoryGiB": 80.0}
    assert info_cli._device(card) == "NVIDIA H100, 80.0 GiB"


def test_shipped_models_are_verified(facts):
    assert [m["Name"] for m in facts["Models"]] == store.names()
    assert all(m["Verified"] for m in facts["Models"])
    for model in facts["Models"]:
        weights = Path(model["Folder"]) / "model.safetensors"
        assert model["SizeMB"] == pytest.approx(weights.stat().st_size / 1e6, abs=0.05)


def test_damage_of_a_model_is_seen(monkeypatch, tmp_path):
    for name in ("cut", "bare", "odd"):
        shutil.copytree(store.find("brain-mask"), tmp_path / name)
    weights = tmp_path / "cut/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    (tmp_path / "bare/model.safetensors").unlink()
    (tmp_path / "odd/config.json").write_text("{")
    monkeypatch.setattr(store, "_SHIPPED", tmp_path)
    bare, cut, odd = info.models()
    assert cut["Verified"] is False
    assert "DAMAGED" in info_cli._model(cut)
    assert "model.safetensors" in bare["Problem"]
    assert "cannot read the model card" in odd["Problem"]
    assert info_cli._model(odd).startswith("cannot be used: ")


def choice(name):
    (found,) = [p for p in info.programs() if p["Choice"] == name]
    return found


def test_programs_are_found_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = choice("preprocess --skullstrip bet")
    assert (missing["Ready"], missing["Where"]) == (False, "")
    assert missing["Lacks"] == "program 'bet' of FSL is not on the PATH"
    for name in ("bet", "lesion_filling", "recon-all", "aparcstats2table"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    for name, program in (
        ("preprocess --skullstrip bet", "bet"),
        ("fill --method fsl", "lesion_filling"),
        ("thickness --backend freesurfer", "recon-all"),
    ):
        found = choice(name)
        assert (found["Ready"], found["Where"], found["Lacks"]) == (
            True,
            str(tmp_path / program),
            "",
        )
        assert info_cli._program(found) == f"yes: {tmp_path / program}"


def test_weights_of_hd_bet_are_found(monkeypatch, tmp_path):
    import HD_BET.paths

    monkeypatch.setattr(HD_BET.paths, "folder_with_parameter_files", str(tmp_path))
    assert not choice("preprocess --skullstrip hd-bet")["Ready"]
    (tmp_path / "fold_all").mkdir()
    for name in ("plans.json", "dataset.json", "fold_all/checkpoint_final.pth"):
        (tmp_path / name).touch()
    found = choice("preprocess --skullstrip hd-bet")
    assert (found["Ready"], found["Where"]) == (True, str(tmp_path))


def test_what_comes_along_is_ready():
    found = {p["Choice"]: p for p in info.programs()}
    for name in ("preprocess --skullstrip builtin", "thickness --backend direct"):
        assert found[name]["Ready"]
        assert info_cli._program(found[name]) == "yes: comes along"


def test_costs_name_machine_scan_and_commands_that_exist(facts):
    costs = facts["Costs"]
    assert costs["Machine"]
    assert "sub-01_T1w" in costs["Scan"]
    commands = all_commands().commands
    for run in costs["Runs"]:
        assert shlex.split(run["Command"])[1] in commands
        assert run["ProcessorSeconds"] > 0
        assert run["PeakMiB"] > 50


def test_text_holds_the_same(call, facts):
    said = call("info").out
    for known in (*facts["Versions"].values(), facts["Costs"]["Machine"]):
        assert known in said
    for part in ("Models", "Devices"):
        assert all(f"  {row['Name']} " in said for row in facts[part])
    assert all(row["Choice"] in said for row in facts["Programs"])
    assert all(run["Command"] in said for run in facts["Costs"]["Runs"])
