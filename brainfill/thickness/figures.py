"""Figures of a comparison: Bland-Altman plots and box plots, and how any figure becomes SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from brainfill.core.grid import BoolArray, FloatArray
from brainfill.thickness.agreement import Limits, bland_altman, mean_known
from brainfill.thickness.compare import Cohort, near_and_far

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008: told apart with any colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
CHANGE = "change |x - y| / (x + y)  [%]"


def svg(figure: Figure) -> bytes:
    """A figure as SVG; the same figure gives the same bytes."""
    import matplotlib as mpl

    out = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "brainfill"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def bland_altman_figure(c: Cohort, near_mm: float) -> Figure:
    """Difference against mean: of each person's mean over regions, and of each region's mean over people.

    With one person, of their regions alone.
    """
    from matplotlib.figure import Figure

    panels = [("regions", mean_known(c.before, 0), mean_known(c.after, 0))]
    if len(c.people) > 1:
        panels.insert(0, ("people", mean_known(c.before, 1), mean_known(c.after, 1)))
    figure = Figure(figsize=(4.6 * len(panels), 3.8), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    near = np.asarray((c.distance_mm <= near_mm).any(axis=0))
    for ax, (name, x, y) in zip(axes, panels, strict=True):
        of_regions = name == "regions"
        groups: dict[str, BoolArray] = {"": np.ones(x.shape, bool)}
        if of_regions and near.any():
            groups = {"farther": ~near, f"within {near_mm:g} mm of a lesion": near}
        for (label, which), colour in zip(groups.items(), (BLUE, ORANGE), strict=False):
            ax.scatter(
                (x + y)[which] / 2,
                (y - x)[which],
                s=22,
                color=colour,
                alpha=0.8,
                linewidths=0,
                label=label,
            )
        _limit_lines(ax, bland_altman(x, y))
        ax.set_title(f"{int(np.isfinite(x).sum())} {name}", fontsize=10)
        ax.set_xlabel("mean of before and after  [mm]")
        ax.set_ylabel("after minus before  [mm]")
        if of_regions and near.any():
            ax.set_title(ax.get_title(), fontsize=10, pad=20)
            ax.legend(
                fontsize=8,
                frameon=False,
                ncols=2,
                loc="lower center",
                bbox_to_anchor=(0.5, 1),
                borderaxespad=0.2,
            )
        _plain(ax)
    return figure


def box_figure(c: Cohort, near_mm: float, floor: Cohort | None) -> Figure:
    """Thickness before and after, and how much it changed: by hemisphere, near lesions, and in the noise floor.

    Boxes hold people, each with the mean over regions; of one person the regions.
    """
    from matplotlib.figure import Figure

    one = len(c.people) == 1
    what = "regions" if one else "people"
    figure = Figure(figsize=(9.2, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 2])
    x, y = ((v[0] if one else mean_known(v, 1)) for v in (c.before, c.after))
    both = np.isfinite(x) & np.isfinite(y)
    left.plot([1, 2], [x[both], y[both]], color=GREY, linewidth=0.5, alpha=0.35)
    _boxes(left, {"before": x[both], "after": y[both]}, spread=0)
    left.set_ylabel("mean thickness  [mm]")
    left.set_title(f"{int(both.sum())} {what}", fontsize=10)
    groups = _groups(c, near_mm)
    if floor is not None:
        groups["noise floor"] = floor.change_pct()
    flat = {n: (v.ravel() if one else mean_known(v, 1)) for n, v in groups.items()}
    if floor is not None and one:
        flat["noise floor"] = mean_known(groups["noise floor"], 0)
    _boxes(right, flat)
    right.set_ylabel(CHANGE)
    right.set_ylim(bottom=0)
    right.set_title(f"change, {what}", fontsize=10)
    return figure


def _groups(c: Cohort, near_mm: float) -> dict[str, FloatArray]:
    percent = c.change_pct()
    sides = np.array([r.hemisphere for r in c.regions])
    groups = {"all": percent}
    for side in ("left", "right"):
        if np.isfinite(percent[:, sides == side]).any():
            groups[side] = percent[:, sides == side]
    near, far = near_and_far(c, percent, near_mm)
    if np.isfinite(near).any():
        groups[f"within {near_mm:g} mm\nof a lesion"] = near
    if np.isfinite(far).any():
        groups["farther"] = far
    return groups


def _boxes(ax: Axes, groups: Mapping[str, FloatArray], spread: float = 0.16) -> None:
    """Boxes with quartiles, whiskers to 1.5 times their distance, and every value as a point."""
    known: Sequence[Any] = [v[np.isfinite(v)] for v in groups.values()]
    style = {"color": BLUE, "linewidth": 1.2}
    ax.boxplot(
        known,
        widths=0.5,
        showfliers=False,
        medianprops={"color": ORANGE, "linewidth": 2},
        boxprops=style,
        whiskerprops=style,
        capprops=style,
    )
    for at, values in enumerate(known, start=1):
        # Not at random, so that the picture is the same every time.
        aside = spread * np.sin(2.4 * np.arange(len(values)))
        ax.scatter(at + aside, values, s=8, color=GREY, alpha=0.55, linewidths=0, zorder=3)
    ax.set_xticks(range(1, len(groups) + 1), list(groups), fontsize=9)
    _plain(ax)


def _limit_lines(ax: Axes, limits: Limits) -> None:
    if not np.isfinite(limits.bias):
        return
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    for value, style in ((limits.bias, "-"), (limits.low, "--"), (limits.high, "--")):
        ax.axhline(value, color=GREY, linestyle=style, linewidth=1)
        ax.annotate(
            f"{value:+.3f}",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 2),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=GREY,
        )


def _plain(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
