"""Tables and records with damage: compared, or refused with a sentence; nothing is left behind."""

import json

import numpy as np
import pytest
from fuzz_calls import check_refused_or_done
from mutate import mutated, mutated_json

TABLE = (
    b"region\themisphere\tmean_mm\tsd_mm\tvoxels\tvolume_ml\tlabel\n"
    b"insula\tleft\t2\t0.4\t900\t0.9\t103\ninsula\tright\t3\t0.4\t800\t0.8\t102\n"
)
RECORD = {
    "Backend": "demo",
    "BackendVersion": "1",
    "BackendSettings": {"steps": 3, "names": ["a", "b"]},
    "Global": {"mean_mm": 2.5, "left_mm": 2.0, "right_mm": 3.0},
    "GeneratedBy": {"Name": "brainfill", "Version": "0.1"},
}
PAIRS = b"subject\tbefore\tafter\np1\tbefore.tsv\tafter.tsv\np2\tafter.tsv\tbefore.tsv\n"


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Drawing takes longer than all the rest."""
    monkeypatch.setattr("brainfill.thickness.figures.svg", lambda figure: b"<svg/>")


def write(folder, table=TABLE, record=None, pairs=PAIRS):
    """Two results and the list that names them; the list."""
    for name in ("before", "after"):
        (folder / f"{name}.tsv").write_bytes(TABLE if name == "after" else table)
        (folder / f"{name}.json").write_text(json.dumps(RECORD))
    if record is not None:
        (folder / "before.json").write_text(json.dumps(record))
    (folder / "pairs.tsv").write_bytes(pairs)
    return folder / "pairs.tsv"


def test_damaged_tables(tmp_path, cases):
    for seed in cases(40):
        rng = np.random.default_rng([8, seed])
        pairs = write(tmp_path, table=mutated(TABLE, rng))
        check_refused_or_done(("compare", "--pairs", pairs, "-o", tmp_path / "out"), tmp_path, seed)


def test_damaged_records(tmp_path, cases):
    for seed in cases(40):
        rng = np.random.default_rng([9, seed])
        pairs = write(tmp_path, record=mutated_json(RECORD, rng))
        check_refused_or_done(("compare", "--pairs", pairs, "-o", tmp_path / "out"), tmp_path, seed)


def test_damaged_lists_of_pairs(tmp_path, cases):
    for seed in cases(40):
        pairs = write(tmp_path, pairs=mutated(PAIRS, np.random.default_rng([10, seed])))
        check_refused_or_done(("compare", "--pairs", pairs, "-o", tmp_path / "out"), tmp_path, seed)
