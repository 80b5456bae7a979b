"""Tables as spreadsheets, hands and other programs leave them."""

import json
import os

import pytest
from peculiar import case

COLUMNS = ("region", "hemisphere", "mean_mm", "sd_mm", "voxels", "volume_ml", "label")


@pytest.fixture
def result(tmp_path):
    """Write a thickness result of two regions; its path."""

    def write(name, *, change=lambda text: text, left="2", label="103"):
        rows = (
            COLUMNS,
            ("insula", "left", left, "0.4", "900", "0.9", label),
            ("insula", "right", "3", "0.4", "800", "0.8", "102"),
        )
        text = "".join("\t".join(row) + "\n" for row in rows)
        changed = change(text)
        path = tmp_path / f"{name}_thickness.tsv"
        path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
        path.with_suffix(".json").write_text(json.dumps({"Backend": "demo"}))
        return path

    return write


@pytest.fixture
def compared(call, result, tmp_path):
    """Compare a result, changed, with one in which the left insula has 3 mm."""

    def run(**change):
        out = tmp_path / "out"
        return call(
            "compare", result("before", **change), result("after", left="3"), "-o", out
        ), out

    return run


def refused(outcome, out, *words, code=65):
    assert outcome.code == code, outcome.err
    assert "error: " in outcome.err
    assert "Traceback" not in outcome.err
    assert len(outcome.err) < 1000
    for word in words:
        assert word in outcome.err
    assert not list(out.parent.glob("out/*"))  # no file, not even a part of one


def quoted(text):
    return (
        "\n".join("\t".join(f'"{cell}"' for cell in line.split("\t")) for line in text.splitlines())
        + "\n"
    )


@case(
    "a table with a byte order mark, CRLF or CR line ends, quoted cells, further columns, empty lines",
    "read as if it had none",
)
@pytest.mark.parametrize(
    "change",
    [
        lambda t: b"\xef\xbb\xbf" + t.encode(),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "\r"),
        quoted,
        lambda t: "\n".join(line + "\tmore, or less" for line in t.splitlines()),
        lambda t: t.replace("\n", "\n\n"),
        lambda t: t.rstrip("\n"),
        lambda t: t.replace("left\t2\t", "left\t 2e0 \t"),
        lambda t: t.replace("left\t2\t0.4", "left\t2\tin the insula\u2028, \u00fc\x0b"),
    ],
)
def test_good_tables(compared, change):
    outcome, out = compared(change=change)
    assert outcome.code == 0, outcome.err
    facts = json.loads((out / "comparison.json").read_text())
    assert facts["ROIAverage"]["ChangePct"] == pytest.approx(
        10
    )  # 20 % of the mean of both, and nothing


@case(
    "a table that is empty, has no header, ragged rows, a column twice, zero bytes, UTF-16, a cell of 200 KB",
    "refused, exit 65",
)
@pytest.mark.parametrize(
    "change",
    [
        lambda t: "",
        lambda t: "\n\n",
        lambda t: t.partition("\n")[2],
        lambda t: t.partition("\n")[0] + "\n",
        lambda t: t.replace("\t0.9", ""),
        lambda t: t.replace("sd_mm", "mean_mm"),
        lambda t: t.replace("0.9", "0\0.9"),
        lambda t: t.encode("utf-16"),
        lambda t: t.replace("0.9", "9" * 200_000),
        lambda t: t.replace("insula\tleft", '"insula\tleft') + "x" * 200_000,
        lambda t: os.urandom(5000),
    ],
)
def test_tables_that_are_none(compared, change):
    refused(*compared(change=change), "before_thickness.tsv")


@case("numbers without end, of hundreds of digits, or beyond a label map", "refused, exit 65")
@pytest.mark.parametrize("left", ["inf", "-inf", "1e400", "1e300", "9" * 400, "-1", "two"])
def test_numbers_that_nobody_measured(compared, left):
    refused(*compared(left=left), "before_thickness.tsv")


@case("a label of 2^31 or 10^400", "refused, exit 65")
@pytest.mark.parametrize("label", [str(2**31), "9" * 400, "1e300", "1.5"])
def test_huge_labels(compared, label):
    refused(*compared(label=label), "before_thickness.tsv")


@case("a record whose global mean is 10^400, infinite, text or a list", "refused, exit 65")
@pytest.mark.parametrize("mean", ["1" + "0" * 400, "Infinity", "NaN", '"3"', "[3]", "true"])
def test_records_of_other_numbers(call, result, tmp_path, mean):
    before = result("before")
    before.with_suffix(".json").write_text(
        f'{{"Backend": "demo", "Global": {{"mean_mm": {mean}}}}}'
    )
    out = tmp_path / "out"
    refused(call("compare", before, result("after"), "-o", out), out, "before_thickness")


@case(
    "/dev/zero, a named pipe that nobody writes to or a folder as list of pairs",
    "refused at once, exit 66",
)
def test_lists_of_pairs_that_are_no_files(call, tmp_path):
    pipe, out = tmp_path / "pipe.tsv", tmp_path / "out"
    os.mkfifo(pipe)
    for given in ("/dev/zero", pipe, tmp_path):
        refused(call("compare", "--pairs", given, "-o", out), out, code=66)


@case(
    "/dev/zero or a pipe as list of cases of a study, or of scans to train on",
    "refused at once, exit 66",
)
def test_other_lists_that_are_no_files(call, tmp_path):
    pipe = tmp_path / "pipe.tsv"
    os.mkfifo(pipe)
    for given in ("/dev/zero", pipe):
        refused(call("study", "make", given, "-o", tmp_path / "study"), tmp_path / "study", code=66)
    refused(call("train", "pack", pipe, "-o", tmp_path / "p.npz"), tmp_path / "p.npz", code=66)


@case("a list of pairs of 70 MB", "refused, exit 65: it is another file")
def test_a_list_without_end(call, tmp_path):
    path, out = tmp_path / "pairs.tsv", tmp_path / "out"
    with path.open("wb") as file:
        file.truncate(70 * 2**20)
    refused(call("compare", "--pairs", path, "-o", out), out, "64 MiB")
