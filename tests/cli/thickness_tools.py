"""Results of thickness tools on disk, and tools played by scripts that look at the image they are given."""

import stat
import sys

from brainfill.thickness.desikan import NOT_IN_DKT, REGIONS

DKT_REGIONS = [r for r in REGIONS if r not in NOT_IN_DKT]
COLUMNS = "StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd"

# The scripts import nothing beyond the standard library, so that a call takes no time.
START = """
import array, gzip, os, sys
from pathlib import Path
given = sys.argv[1:]
after = lambda name: given[given.index(name) + 1]
def values(path):
    return array.array("f", gzip.open(path).read()[352:])
def dark(path):
    return any(0 < v < 300 for v in values(path))
"""
# 2 mm while the image shows something dark, 3 mm otherwise, in the left insula alone.
FASTSURFER = """
insula = 2.0 if dark(after("--t1")) else 3.0
folder = Path(after("--sd"), after("--sid"), "stats")
folder.mkdir(parents=True)
for hemi in ("lh", "rh"):
    mean = insula if hemi == "lh" else 2.5
    lines = ["# Measure Cortex, MeanThickness, Mean Thickness, %s, mm" % mean, "# ColHeaders {columns}"]
    for region in {regions!r}:
        mm = insula if (hemi, region) == ("lh", "insula") else 2.5
        lines.append("%s 1243 798 1994 %s 0.871 0.1 0.021 11 1.0" % (region, mm))
    (folder / (hemi + ".aparc.DKTatlas.mapped.stats")).write_text("\\n".join(lines))
print("measured")
"""
DLDIRECT = """
mm = 2.4 if dark(given[-2]) else 2.5
names = [h + "-" + r for h in ("lh", "rh") for r in {regions!r} + ["MeanThickness"]]
text = "SUBJECT," + ",".join(names) + "\\nsubject" + (",%s" % mm) * len(names)
Path(given[-1], "result-thick.csv").write_text(text)
"""
# The image with a thickness wherever it shows something; its header stays.
ANTS = """
image = Path(after("-a"))
head = gzip.open(image).read()[:352]
mm = array.array("f", [(2.0 if dark(image) else 3.0) * (v > 0) for v in values(image)])
Path("CorticalThickness.nii.gz").write_bytes(gzip.compress(head + mm.tobytes()))
"""


def install(folder, name, script, counted=None):
    """Put a Python script into a folder as a program; each call adds a line to the file `counted`."""
    folder.mkdir(exist_ok=True)
    count = f"open({str(counted)!r}, 'a').write('called\\n')\n" if counted else ""
    body = script.replace("{columns}", COLUMNS)
    body = body.replace("{regions!r}", repr(list(DKT_REGIONS if "--sd" in script else REGIONS)))
    path = folder / name
    path.write_text(f"#!{sys.executable} -SE\n{START}{count}{body}", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def write_stats(folder, parcellation, left_mm, right_mm, regions=REGIONS):
    """A subject's folder of FreeSurfer or FastSurfer."""
    (folder / "stats").mkdir(parents=True)
    for hemi, mm in (("lh", left_mm), ("rh", right_mm)):
        lines = [f"# Measure Cortex, MeanThickness, Mean Thickness, {mm}, mm"]
        lines += [f"# ColHeaders {COLUMNS}"]
        lines += [f"{r} 1243 798 1994 {mm} 0.871 0.1 0.021 11 1.0" for r in regions]
        path = folder / "stats" / f"{hemi}.{parcellation}.stats"
        path.write_text("\n".join(lines), encoding="utf-8")
    return folder


def write_dldirect(folder, mm):
    """An output folder of DL+DiReCT without its map."""
    folder.mkdir(parents=True)
    names = [f"{h}-{r}" for h in ("lh", "rh") for r in (*REGIONS, "MeanThickness")]
    for file, value in (("thick", mm), ("thickstd", 0.5), ("vol", 1500)):
        cells = ",".join(str(value) for _ in names)
        text = f"SUBJECT,{','.join(names)}\nsubject,{cells}\n"
        (folder / f"result-{file}.csv").write_text(text, encoding="utf-8")
    return folder
