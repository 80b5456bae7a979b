"""Thickness results in memory for the tests of the comparison."""

from brainfill.thickness.tables import Region, thickness_table

LEFT, RIGHT = Region("insula", "left"), Region("insula", "right")
CUNEUS = Region("cuneus", "left")


def rows(means, labels=None):
    """Rows of text for regions (name, side) and their thickness, each of 100 voxels and 0.1 ml."""
    return [
        {
            "region": name,
            "hemisphere": side or "n/a",
            "mean_mm": str(mm),
            "sd_mm": "0.5",
            "voxels": "100",
            "volume_ml": "0.1",
            **({} if labels is None else {"label": str(labels[name, side])}),
        }
        for (name, side), mm in means.items()
    ]


def result(means, record=None, source="r.tsv", labels=None):
    """A thickness result."""
    return thickness_table(rows(means, labels), {"Backend": "demo"} | (record or {}), source)
