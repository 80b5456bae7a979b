"""Which levels a walk visits, whatever the schedule the network was trained with."""

from __future__ import annotations

from typing import Literal

from brainfill.diffusion.levels import CLEAN, STEPS, Karras, Level, Schedule, Tabulated

GridName = Literal["own", "trailing", "leading", "karras", "vp"]

_LARGEST_RATIO = 80.0


def grid_levels(grid: GridName, schedule: Schedule, n: int, start: float = 1.0) -> list[Level]:
    """n noisy levels, noisiest first, and the clean one.

    Args:
        grid: "own" takes what the schedule itself proposes. "trailing" and "leading" are at equal
            distances in its time, beginning at `start` or ending at the cleanest level it was taught,
            1 / `STEPS` (Lin et al. 2024, table 2, https://arxiv.org/abs/2305.08891). "karras" is dense near
            the image (Karras et al. 2022, eq. 5 with rho = 7, https://arxiv.org/abs/2206.00364),
            between that level and a noise-to-signal ratio of at most 80. "vp" has few levels far
            apart (Song et al. 2021, https://arxiv.org/abs/2011.13456, as Durrer et al. 2025,
            https://arxiv.org/abs/2507.13146, take two of them).
        schedule: of the network's training.
        n: number of noisy levels.
        start: time of the noisiest, in (0, 1].
    """
    if grid == "own":
        return schedule.levels(n, start)
    if grid == "vp":
        return Tabulated("vp").levels(n, start)
    if grid == "karras":
        noisiest = min(schedule.level(start).ratio, _LARGEST_RATIO)
        return Karras(schedule.level(1 / STEPS).ratio, noisiest).levels(n)
    first = start / n if grid == "trailing" else 1 / STEPS
    return [schedule.level(first + start * k / n) for k in range(n - 1, -1, -1)] + [CLEAN]
