"""The image: what its recipes say, and the app as it would run there, sealed off from the machine."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import pytest
from bids_cases import make_dataset
from image import FOLDER, MISSING, PREFIX, PROJECT, TMP, Root, of, pairs, stages
from packaging.requirements import Requirement

from brainfill import __version__

DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
BUILD, FINAL = stages(DOCKERFILE)
APPTAINER = (FOLDER / "apptainer.def").read_text(encoding="utf-8")
UID = 4242
SEALED = pytest.mark.skipif(
    bool(MISSING) and "BRAINFILL_CI" not in os.environ, reason=f"needs {', '.join(MISSING)}"
)


def pins(variant):
    """Exact versions by name, lower case."""
    text = (FOLDER / f"requirements-{variant}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("#", "--"))]
    return dict(line.split("==") for line in lines)


def section(name):
    """The lines of a section of the recipe for Apptainer."""
    body = re.split(r"^%", APPTAINER, flags=re.MULTILINE)
    (part,) = (part for part in body if part.startswith(f"{name}\n"))
    return [line.strip() for line in part.splitlines()[1:] if line.strip()]


def test_the_base_is_one_version_and_the_same_for_both():
    base = re.search(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)[1]
    assert re.fullmatch(r"3\.\d+\.\d+-slim-\w+", base)
    assert of(BUILD, "FROM") == ["python:${PYTHON} AS build"]
    assert of(FINAL, "FROM") == ["python:${PYTHON}"]
    assert f"From: python:{base}\n" in APPTAINER


def test_both_recipes_install_in_the_same_way():
    lines = section("post")
    places = [lines.index(line) for line in of(BUILD, "RUN")]
    assert places == sorted(places)
    ours = pairs(FINAL, "ENV")
    theirs = dict(line.removeprefix("export ").split("=", 1) for line in section("environment"))
    # Apptainer passes cards on by --nv, Docker by these.
    ours = {k: v for k, v in ours.items() if not k.startswith("NVIDIA")}
    assert theirs.pop("PATH") == f"{PREFIX}/bin:$PATH"
    assert ours.pop("PATH").startswith(f"{PREFIX}/bin:")
    assert {k: v.replace("{{ VERSION }}", __version__) for k, v in theirs.items()} == ours


def test_the_user_is_nobody_in_particular():
    (user,) = of(FINAL, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    after = [word for word, _ in FINAL[[w for w, _ in FINAL].index("USER") :]]
    assert "RUN" not in after
    assert "HOME" not in pairs(FINAL, "ENV")


def test_the_entry_point_is_the_app():
    assert json.loads(of(FINAL, "ENTRYPOINT")[0]) == ["brainfill-bids"]
    assert section("runscript") == ['exec brainfill-bids "$@"']
    scripts = metadata.distribution("brainfill").entry_points
    assert "brainfill-bids" in {s.name for s in scripts}


def test_labels_and_version():
    labels = pairs(FINAL, "LABEL")
    for name in ("org.opencontainers.image.version", "org.label-schema.version"):
        assert labels[name] == __version__
    assert labels["org.opencontainers.image.title"] == "brainfill"
    assert pairs(FINAL, "ENV")["BRAINFILL_DOCKER_TAG"] == f"brainfill:{__version__}"
    assert f"VERSION={__version__}" in section("arguments")


def test_what_is_copied_exists_and_is_not_ignored():
    ignore = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    for rest in of(BUILD, "COPY"):
        for variant in ("cpu", "cuda"):
            *sources, _ = rest.replace("${VARIANT}", variant).split()
            for source in sources:
                assert (PROJECT / source).exists()
                assert any(Path(source).match(i[1:]) for i in ignore if i[0] == "!")


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def needs_of(name, pinned):
    """What a package needs: ours as it is, others only if the version that is pinned is the one installed here."""
    same = name == "brainfill" or metadata.version(name).split("+")[0] == pinned.split("+")[0]
    found = [Requirement(text) for text in metadata.requires(name) or []] if same else []
    return [need for need in found if not need.marker or need.marker.evaluate({"extra": ""})]


@pytest.mark.parametrize("variant", ["cpu", "cuda"])
def test_everything_that_is_needed_is_pinned(variant):
    """By what the packages installed here say of themselves, begun with ours."""
    pinned = {plain(name): version for name, version in pins(variant).items()}
    seen, todo = set(), {"brainfill"}
    while todo:
        name = todo.pop()
        seen.add(name)
        for need in needs_of(name, pinned.get(name, "")):
            version = pinned.get(plain(need.name))
            assert version, f"{need.name}, which {name} needs, is not pinned"
            assert need.specifier.contains(version, prereleases=True), (name, need, version)
            todo |= {plain(need.name)} - seen
    assert {"torch", "antspyx", "nibabel", "typer"} <= seen


def test_variants_differ_in_torch_alone():
    cpu, cuda = pins("cpu"), pins("cuda")
    assert cpu["torch"] == f"{cuda['torch']}+cpu"
    assert all(cuda[name] == version for name, version in cpu.items() if name != "torch")
    extra = {n for n in cuda if n not in cpu}
    assert all(n.startswith(("nvidia-", "cuda-")) or n == "triton" for n in extra)


def fetch_setuptools(packages):
    """Put the version that is pinned in place of the one that venv brings along, as the next RUN does."""
    for old in packages.glob("setuptools*"):
        shutil.rmtree(old)
    words = ["pip", "install", "-q", "--no-deps", "--target", packages]
    pin = f"setuptools=={pins('cpu')['setuptools']}"
    done = subprocess.run([sys.executable, "-m", *words, pin], capture_output=True, check=False)
    if done.returncode and "BRAINFILL_CI" not in os.environ:
        pytest.skip("needs an index of packages")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def root():
    """The image: its RUN lines done, with the packages that are installed here in place of those it would fetch."""
    assert not MISSING
    # Not in the folder of the other tests, which nobody but root may enter.
    with tempfile.TemporaryDirectory(prefix="brainfill-image-") as name:
        made = Root(Path(name))
        created, *fetched, installed, checked = of(BUILD, "RUN")
        assert created == f"python -m venv {PREFIX}"
        assert all("requirements.txt" in line for line in fetched)
        assert checked == "pip check"
        made.build(created)
        (packages,) = made.inside(PREFIX).glob("lib/python*/site-packages")
        fetch_setuptools(packages)
        (packages / "here.pth").write_text("\n".join(site.getsitepackages()))
        for rest in of(BUILD, "COPY")[1:]:
            *sources, target = rest.split()
            for source in sources:
                place = made.inside("/src") / ("" if target == "./" else target)
                copy = shutil.copytree if (PROJECT / source).is_dir() else shutil.copy
                copy(PROJECT / source, place)
        made.build(installed)
        shutil.rmtree(made.inside("/src"))
        yield made


ENVIRONMENT = pairs(FINAL, "ENV")
LOOK = """
import json, os, pathlib, socket
def may(action):
    try:
        action()
    except OSError:
        return False
    return True
import brainfill
print(json.dumps({
    "uid": os.getuid(),
    "home": os.environ.get("HOME"),
    "write": [p for p in ("/", "/opt/brainfill", "/data", "/out", "/tmp") if may(pathlib.Path(p, "x").touch)],
    "net": may(lambda: socket.create_connection(("127.0.0.1", 9), 1)) or len(socket.if_nameindex()) > 1,
    "package": brainfill.__file__,
}))
"""


@SEALED
def test_the_seal_is_tight(root, tmp_path):
    for name in ("data", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    volumes = [f"{tmp_path}/data:/data:ro", f"{tmp_path}/out:/out"]
    done = root.run(ENVIRONMENT, UID, ["python", "-c", LOOK], volumes)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("package").startswith(f"{PREFIX}/lib/")
    assert seen == {"uid": UID, "home": None, "write": ["/out", TMP], "net": False}


@SEALED
def test_the_image_answers(root):
    done = root.run(ENVIRONMENT, UID, json.loads(of(FINAL, "ENTRYPOINT")[0]))
    assert done.returncode == 2
    assert "bids_dir" in done.stderr
    facts = json.loads(root.run(ENVIRONMENT, UID, ["brainfill", "info", "--json"]).stdout)
    assert facts["Versions"]["brainfill"] == __version__
    assert all(m["Verified"] and m["Folder"].startswith(PREFIX) for m in facts["Models"])


@SEALED
def test_the_app_runs_sealed_off(root, tmp_path):
    raw, out = make_dataset(tmp_path / "raw", labels=("01",)), tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    volumes = [f"{raw}:/data:ro", f"{out}:/out"]
    app_words = ["brainfill-bids", "/data", "/out"]
    more = ["--participant-label", "01", "--steps", "fill,smooth"]
    done = root.run(ENVIRONMENT, UID, [*app_words, "participant", *more], volumes)
    assert done.returncode == 0, done.stderr
    assert "/out/sub-01/anat/sub-01_desc-smoothed_T1w.nii.gz" in done.stdout
    done = root.run(ENVIRONMENT, UID, [*app_words, "group"], volumes)
    assert done.returncode == 0, done.stderr
    for name in (
        "sub-01/anat/sub-01_desc-filled_T1w.nii.gz",
        "sub-01/anat/sub-01_desc-filled_T1w.json",
        "sub-01.html",
        "group_T1w.tsv",
    ):
        assert (out / name).stat().st_uid == UID
    about = json.loads((out / "dataset_description.json").read_text())
    tag = {"Type": "docker", "Tag": f"brainfill:{__version__}"}
    assert about["GeneratedBy"][0]["Container"] == tag


@pytest.mark.skipif("BRAINFILL_CI" not in os.environ, reason="asks the index of packages; on in CI")
def test_the_pinned_versions_can_be_had(tmp_path):
    """But for torch, whose build for the CPU is on an index of its own."""
    file = tmp_path / "requirements.txt"
    file.write_text("\n".join(f"{n}=={v}" for n, v in pins("cpu").items() if n != "torch"))
    words = ["install", "--dry-run", "--ignore-installed", "--no-deps", "-r", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
