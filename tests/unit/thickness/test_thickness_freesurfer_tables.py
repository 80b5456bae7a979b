"""Tables of FreeSurfer and FastSurfer, in the words of their own files."""

import pytest

from brainfill.core.errors import DataError, InputMissingError
from brainfill.thickness._base import DESIKAN_KILLIANY, DKT
from brainfill.thickness.desikan import NOT_IN_DKT, REGIONS
from brainfill.thickness.freesurfer_tables import read_stats, read_tables, stats_files, tables_in

STATS = """# Table of FreeSurfer cortical parcellation anatomical statistics
#
# CreationTime 2023/09/01-10:00:00-GMT
# subjectname sub-01
# hemi {hemi}
# annot aparc.annot
# Measure Cortex, NumVert, Number of Vertices, 120233, unitless
# Measure Cortex, WhiteSurfArea, White Surface Total Area, 85633.5, mm^2
# Measure Cortex, MeanThickness, Mean Thickness, {mean}, mm
# Measure eTIV, eTIV, Estimated Total Intracranial Volume, 1500000.5, mm^3
# NTableCols 10
# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd
{rows}
"""
ROW = "{name:<40} 1243    798   1994  {mm:.3f} 0.871     0.100     0.021       11     1.0"


def write_stats(folder, parcellation, left, right, means=(2.5, 2.6)):
    """The stats files of both sides; `left` and `right` are mm by region."""
    (folder / "stats").mkdir()
    for hemi, regions, mean in (("lh", left, means[0]), ("rh", right, means[1])):
        rows = "\n".join(ROW.format(name=n, mm=mm) for n, mm in regions.items())
        path = folder / "stats" / f"{hemi}.{parcellation}.stats"
        path.write_text(STATS.format(hemi=hemi, mean=mean, rows=rows), encoding="utf-8")
    return folder


def by_name(found):
    return {(row.hemisphere, row.region): row for row in found.regions}


def test_stats_files_give_every_region_with_its_spread_and_volume(tmp_path):
    write_stats(tmp_path, "aparc", {"bankssts": 2.734, "insula": 2.9}, {"bankssts": 2.1})
    found = read_stats(stats_files(tmp_path, "aparc"))
    row = by_name(found)["left", "bankssts"]
    assert (row.mean_mm, row.sd_mm, row.volume_ml) == (2.734, 0.871, pytest.approx(1.994))
    assert row.voxels is None
    assert found.mean_mm == {"left": 2.5, "right": 2.6}
    assert found.scheme == DESIKAN_KILLIANY
    # Regions the tool did not measure stay, empty: 34 on each side.
    assert len(found.regions) == 68
    assert by_name(found)["right", "insula"].mean_mm is None


def test_without_three_regions_it_is_the_dkt_scheme(tmp_path):
    regions = {name: 2.5 for name in REGIONS if name not in NOT_IN_DKT}
    write_stats(tmp_path, "aparc.DKTatlas.mapped", regions, regions)
    found = read_stats(stats_files(tmp_path, "aparc.DKTatlas.mapped"))
    assert found.scheme == DKT
    assert len(found.regions) == 62


def write_table(folder, hemi, measure, rows, regions=("bankssts", "insula")):
    """A table as `aparcstats2table -d comma` writes it; rows are a subject and its cells."""
    last = {"thickness": f"{hemi}_MeanThickness_thickness", "volume": f"{hemi}_junk_volume"}
    names = [f"{hemi}_{r}_{measure}" for r in regions]
    names += [last[measure]] if measure == "thickness" else []
    header = ",".join([f"{hemi}.aparc.{measure}", *names, "BrainSegVolNotVent", "eTIV"])
    lines = [",".join([s, *map(str, cells), "1123456.0", "1512345.6"]) for s, cells in rows.items()]
    path = folder / f"aparc_{measure}_{hemi}.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def tables(tmp_path):
    """Thickness and volume of two people, and a csv of somebody else."""
    for hemi in ("lh", "rh"):
        write_table(tmp_path, hemi, "thickness", {"s1": (2.5, 3.0, 2.4), "s2": (2.6, 0.0, 2.5)})
        write_table(tmp_path, hemi, "thicknessstd", {"s1": (0.4, 0.5), "s2": (0.6, 0.0)})
        write_table(tmp_path, hemi, "volume", {"s1": (2000, 7000), "s2": (2100, 0)})
    (tmp_path / "ages.csv").write_text("subject,age\ns1,30\n", encoding="utf-8")
    return tmp_path


def test_tables_are_known_by_their_first_cell(tables):
    assert len(tables_in(tables)) == 6


def test_the_row_of_a_subject_is_read(tables):
    found = read_tables(tables_in(tables), "s1")
    row = by_name(found)["right", "insula"]
    assert (row.mean_mm, row.sd_mm, row.volume_ml) == (3.0, 0.5, 7.0)
    assert found.mean_mm == {"left": 2.4, "right": 2.4}


def test_a_region_of_no_thickness_was_not_measured(tables):
    row = by_name(read_tables(tables_in(tables), "s2"))["left", "insula"]
    assert (row.mean_mm, row.sd_mm, row.volume_ml) == (None, None, None)


def test_which_of_several_subjects_must_be_said(tables):
    with pytest.raises(DataError, match="found the subjects s1, s2") as caught:
        read_tables(tables_in(tables), "")
    assert "subject=" in caught.value.hint
    with pytest.raises(DataError, match="expected 's3'"):
        read_tables(tables_in(tables), "s3")


def test_a_side_that_is_missing_is_named(tables):
    left = [p for p in tables_in(tables) if p.name.endswith("lh.csv")]
    with pytest.raises(DataError, match="no mean thickness of the right hemisphere"):
        read_tables(left, "s1")


def test_regions_of_another_atlas_are_refused(tmp_path):
    for hemi in ("lh", "rh"):
        write_table(tmp_path, hemi, "thickness", {"s1": (2.5, 2.4)}, ("G&S_frontomargin",))
    with pytest.raises(DataError, match="G&S_frontomargin"):
        read_tables(tables_in(tmp_path), "")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("2.734", "much", "holds 'much' where a number was expected"),
        ("     1.0\n", "\n", "expected rows of 10 cells"),
        ("# Measure Cortex, MeanThickness", "# Measure", "no mean thickness"),
        ("ThickAvg", "Thick", "no columns"),
    ],
)
def test_a_damaged_stats_file_is_refused(tmp_path, old, new, sentence):
    write_stats(tmp_path, "aparc", {"bankssts": 2.734}, {"bankssts": 2.1})
    path = tmp_path / "stats" / "lh.aparc.stats"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=sentence):
        read_stats(stats_files(tmp_path, "aparc"))


def test_a_file_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(InputMissingError, match="cannot be read"):
        read_stats(stats_files(tmp_path, "aparc"))
