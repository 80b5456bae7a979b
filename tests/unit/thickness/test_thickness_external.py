"""Tools of other packages, played by scripts: what they are given, what is read of what they leave, how they fail."""

import stat
import sys

import nibabel as nib
import numpy as np
import pytest

from brainfill.core.context import Context
from brainfill.core.errors import DataError, ExternalError, InputMissingError, UnavailableError
from brainfill.core.grid import Grid
from brainfill.core.registry import load
from brainfill.core.volume import Scan, Volume
from brainfill.thickness._base import DESIKAN_KILLIANY, DKT
from brainfill.thickness.desikan import NOT_IN_DKT, REGIONS

BACKENDS = "brainfill.thickness.backends"
PROGRAMS = {
    "freesurfer": ("recon-all", "aparcstats2table"),
    "fastsurfer": ("run_fastsurfer.sh",),
    "dldirect": ("dl+direct",),
    "ants": ("antsCorticalThickness.sh",),
}
GRID = Grid((6, 5, 4), np.diag([-1.0, 1, 2, 1]))
HEAD = Volume(np.random.default_rng(0).uniform(10, 20, GRID.shape).astype(np.float32), GRID)
SCAN = Scan("sub-01", {"T1w": HEAD})

START = """
import os, sys
from pathlib import Path
import nibabel as nib
regions = {regions!r}
given = sys.argv[1:]
after = lambda name: given[given.index(name) + 1]
def head(path):
    image = nib.load(path)
    assert image.shape == (6, 5, 4) and (image.affine.diagonal() == [-1, 1, 2, 1]).all()
    assert image.get_qform(coded=True)[1] == image.get_sform(coded=True)[1] == 1
def stats(folder, parcellation):
    folder.mkdir(parents=True)
    for hemi, mm in (("lh", 2.5), ("rh", 2.7)):
        lines = ["# Measure Cortex, MeanThickness, Mean Thickness, %s, mm" % mm]
        lines += ["# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd"]
        lines += ["%s 1243 798 1994 %s 0.871 0.1 0.021 11 1.0" % (r, mm) for r in regions]
        (folder / (hemi + "." + parcellation + ".stats")).write_text("\\n".join(lines))
"""
RECON = """
head("T1.nii.gz")
assert os.environ["SUBJECTS_DIR"] == os.getcwd() == after("-sd") and "-all" in given
assert after("-openmp") == "3" and given[-1] == "-hires"
stats(Path(after("-s"), "stats"), "aparc")
print("finished without error")
"""
TABLES = """
hemi, measure = after("--hemi"), after("--meas")
assert Path(os.environ["SUBJECTS_DIR"], after("--subjects"), "stats").is_dir()
value = {"thickness": 2.5 if hemi == "lh" else 2.7, "thicknessstd": 0.5, "volume": 1500}[measure]
names = list(regions) + ["MeanThickness"] * (measure == "thickness")
header = [hemi + ".aparc." + measure] + [hemi + "_" + n + "_" + measure for n in names] + ["eTIV"]
cells = [after("--subjects")] + [str(value)] * len(names) + ["1500000"]
assert after("-d") == "comma" and after("--parc") == "aparc"
Path(after("-t")).write_text(",".join(header) + "\\n" + ",".join(cells) + "\\n")
"""
FASTSURFER = """
head(after("--t1"))
assert after("--fs_license") == "licence.txt" and after("--threads") == "3"
stats(Path(after("--sd"), after("--sid"), "stats"), "aparc.DKTatlas.mapped")
"""
DLDIRECT = """
head(given[-2])
assert "--bet" in given and after("--subject") == "subject" and after("--model") == "v6"
out = Path(given[-1])
names = [h + "-" + r for h in ("lh", "rh") for r in regions] + ["lh-MeanThickness", "rh-MeanThickness"]
for file, value in (("result-thick.csv", 2.5), ("result-thickstd.csv", 0.5)):
    (out / file).write_text("SUBJECT," + ",".join(names) + "\\nsubject" + (",%s" % value) * len(names))
volumes = ["Left-Amygdala"] + names[:-2]
(out / "result-vol.csv").write_text("SUBJECT," + ",".join(volumes) + "\\nsubject" + ",1500" * len(volumes))
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts programs on the PATH that are Python scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(name, script, regions=REGIONS):
        path = folder / name
        start = START.replace("{regions!r}", repr(regions))
        path.write_text(f"#!{sys.executable}\n{start}{script}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


def measure(backend, ctx=None, **options):
    module = load(BACKENDS, backend)
    return module.build(module.Config(**options))(SCAN, ctx or Context(threads=3))


def read(backend, folder, **options):
    module = load(BACKENDS, backend)
    return module.read(module.Config(**options), folder)(SCAN, Context())


def row(found, hemisphere, region):
    (one,) = [r for r in found.regions if (r.hemisphere, r.region) == (hemisphere, region)]
    return one


def test_freesurfer_runs_and_its_tables_are_read(install, tmp_path):
    install("recon-all", RECON)
    install("aparcstats2table", TABLES)
    found = measure("freesurfer", Context(threads=3, work=tmp_path), arguments=("-hires",))
    assert found.scheme == DESIKAN_KILLIANY
    assert found.mean_mm == {"left": 2.5, "right": 2.7}
    insula = row(found, "right", "insula")
    assert (insula.mean_mm, insula.sd_mm, insula.volume_ml) == (2.7, 0.5, 1.5)
    # What took hours stays, with its log, and can be read again.
    (folder,) = tmp_path.glob("freesurfer-*")
    assert found.facts["ToolFolder"] == str(folder)
    assert "finished without error" in (folder / "recon-all.log").read_text(encoding="utf-8")
    again = read("freesurfer", folder)
    assert again.regions == found.regions
    by_stats = read("freesurfer", folder / "subject")
    assert row(by_stats, "right", "insula").volume_ml == pytest.approx(1.994)


def test_fastsurfer_runs_and_its_stats_are_read(install, tmp_path):
    install("run_fastsurfer.sh", FASTSURFER, [r for r in REGIONS if r not in NOT_IN_DKT])
    ctx = Context(threads=3, work=tmp_path)
    found = measure("fastsurfer", ctx, fs_license="licence.txt")
    assert found.scheme == DKT
    assert row(found, "left", "cuneus").mean_mm == 2.5
    (folder,) = tmp_path.glob("fastsurfer-*")
    assert read("fastsurfer", folder / "subject").regions == found.regions


def test_dldirect_runs_and_its_tables_are_read(install, tmp_path):
    install("dl+direct", DLDIRECT)
    found = measure("dldirect", Context(work=tmp_path), model="v6")
    assert found.scheme == DESIKAN_KILLIANY
    bankssts = row(found, "left", "bankssts")
    assert (bankssts.mean_mm, bankssts.sd_mm, bankssts.volume_ml) == (2.5, 0.5, 1.5)
    assert found.map is None


def test_a_map_of_dldirect_comes_to_the_grid_of_the_scan(install, tmp_path):
    install("dl+direct", DLDIRECT)
    measure("dldirect", Context(work=tmp_path), model="v6")
    (folder,) = tmp_path.glob("dldirect-*")
    # Its own grid: axes turned, voxels of 1 mm, where the scan has 2 mm slices.
    values = np.zeros((8, 8, 8), np.float32)
    values[4, 3, 2] = 2.25
    affine = np.array([[1.0, 0, 0, -7], [0, 0, 1, 0], [0, -1, 0, 7], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(values, affine), folder / "T1w_norm_thickmap.nii.gz")
    found = read("dldirect", folder)
    place = np.linalg.inv(GRID.affine) @ affine @ (4, 3, 2, 1)
    assert place[:3] == pytest.approx([3, 2, 2])
    assert np.argwhere(found.map.data).tolist() == [[3, 2, 2]]
    assert found.map.data[3, 2, 2] == 2.25


@pytest.mark.parametrize("backend", PROGRAMS)
def test_a_missing_program_is_named_with_where_it_comes_from(install, backend):
    module = load(BACKENDS, backend)
    assert PROGRAMS[backend][0] in module.missing(module.Config())
    with pytest.raises(
        UnavailableError, match=f"'{PROGRAMS[backend][0].replace('+', '.')}' of .*https"
    ) as caught:
        measure(backend)
    assert "install" in caught.value.hint
    assert caught.value.exit_code == 69


def test_a_missing_template_is_named(install, tmp_path):
    install("antsCorticalThickness.sh", "")
    with pytest.raises(UnavailableError, match="needs a template") as caught:
        measure("ants")
    assert "template=FOLDER" in caught.value.hint
    with pytest.raises(UnavailableError, match=r"has no T_template0\.nii\.gz"):
        measure("ants", template=str(tmp_path))


def test_a_python_without_antspynet_is_named(install):
    python = install("bare-python", "sys.exit(1)")
    with pytest.raises(UnavailableError, match="has no package antspynet") as caught:
        measure("antspynet", python=str(python))
    assert "pip install antspynet" in caught.value.hint


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("print('no licence'); sys.exit(3)", "exit code 3 and said: no licence"),
        ("print('half', flush=True); os.kill(os.getpid(), 9)", "killed by signal 9 and said: half"),
        ("", "exit code 0 and said: nothing"),
    ],
    ids=["exit code", "killed", "silence and 0"],
)
def test_the_log_of_a_failed_program_is_kept_and_named(install, tmp_path, script, sentence):
    install("run_fastsurfer.sh", script)
    with pytest.raises(ExternalError, match=sentence) as caught:
        measure("fastsurfer", Context(work=tmp_path))
    (log,) = tmp_path.glob("fastsurfer-*/fastsurfer.log")
    assert str(log) in caught.value.hint
    assert caught.value.exit_code == 1


SAY_ITK = "print(os.environ['ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS'])"
SAY_THREADS = {
    "freesurfer": "print(after('-openmp')); sys.exit(3)",
    "fastsurfer": "print(after('--threads')); sys.exit(3)",
    "ants": f"{SAY_ITK}; sys.exit(3)",
    "antspynet": f"{SAY_ITK}; sys.exit(3 * ('T1.nii.gz' in given))",
}


@pytest.mark.parametrize(("deterministic", "threads"), [(False, 3), (True, 1)])
@pytest.mark.parametrize("backend", SAY_THREADS)
def test_programs_take_one_thread_for_the_same_bytes(
    install, tmp_path, monkeypatch, backend, deterministic, threads
):
    monkeypatch.setenv("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "7")
    programs = [
        install(name, SAY_THREADS[backend]) for name in PROGRAMS.get(backend, ("bare-python",))
    ]
    options = {"python": str(programs[0])} if backend == "antspynet" else {}
    if backend == "ants":
        options["template"] = str(tmp_path)
        monkeypatch.setattr(load(BACKENDS, backend), "_template_lacks", lambda config: "")
    ctx = Context(threads=3, deterministic=deterministic, work=tmp_path)
    with pytest.raises(ExternalError, match=f"exit code 3 and said: {threads}$"):
        measure(backend, ctx, **options)


@pytest.mark.parametrize("backend", [*PROGRAMS, "antspynet"])
def test_a_folder_without_results_is_refused(tmp_path, backend):
    with pytest.raises(DataError, match=str(tmp_path)):
        read(backend, tmp_path)
    with pytest.raises(InputMissingError, match="does not exist"):
        read(backend, tmp_path / "not there")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SUBJECT,lh-insula\n", "a header and one row"),
        ("SUBJECT,lh-insula\na,1\nb,2\n", "a header and one row"),
        ("SUBJECT,lh-insula\na,much\n", "something else than numbers"),
        ("SUBJECT,lh-insula\na,2.5\n", "no mean thickness of the left and right"),
    ],
)
def test_a_damaged_table_of_dldirect_is_refused(tmp_path, text, sentence):
    (tmp_path / "result-thick.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=sentence):
        read("dldirect", tmp_path)
