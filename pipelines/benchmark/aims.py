"""What the fills are meant to reach, and which of it they do not."""

from __future__ import annotations

from collections.abc import Mapping

from runs import Score

GUESS, BEST, DRAW = "diffusion", "diffusion:quality=best", "diffusion:samples=1"
SECONDS = {"ms": 15, "edge": 15, "tumour": 45}
PEAK_MB = {"ms": 3072, "edge": 3072, "tumour": 4096}
PSNR = {"ms": 35.0, "edge": 30.5}
MAE_OF_NIFTYSEG = {"ms": 0.85, "edge": 0.8}
TUMOUR_GAIN_DB, TUMOUR_MAE = 4.0, 0.7
BORDER_STEP_PCT = 2.0
VOLUME_PCT = 0.5
TEXTURE, STRIPES = (0.8, 1.2), (0.95, 1.1)

Means = Mapping[tuple[str, str], Score]
ByDilation = Mapping[tuple[str, str, str], Score]


def rim_shortfalls(means: ByDilation) -> list[str]:
    """One sentence for each kind with a rim where the default is not the best of all dilations and peers."""
    found = []
    for (kind, method, dilate), own in means.items():
        if method != GUESS or dilate != "own" or "-" not in kind:
            continue
        others = {
            (m, d): s for (k, m, d), s in means.items() if k == kind and (m, d) != (GUESS, "own")
        }
        for field in ("rms_pct", "touched_rms_pct"):
            (m, d), best = min(
                others.items(), key=lambda item: getattr(item[1], field), default=(("", ""), own)
            )
            if getattr(own, field) > getattr(best, field):
                found.append(
                    f"{kind}: {field} {getattr(own, field):.2f}, {m} with --dilate {d} has {getattr(best, field):.2f}"
                )
    return found


def shortfalls(means: Means) -> list[str]:
    """One sentence for each aim that is missed, by kind of hole and method."""
    found = []
    for (kind, method), score in means.items():
        if method not in (GUESS, BEST, DRAW):
            continue
        peers = {m: s for (k, m), s in means.items() if k == kind and "diffusion" not in m}
        missed = _cost(kind, score) if method == GUESS else []
        missed += _draw(score) if method == DRAW else _accuracy(kind, score, peers)
        if method == BEST:
            missed += _best(kind, score, peers)
        found += [f"{kind}, {method}: {text}" for text in missed]
    return found


def _cost(kind: str, score: Score) -> list[str]:
    missed = []
    if score.seconds > SECONDS[kind]:
        missed.append(f"{score.seconds:.1f} s, at most {SECONDS[kind]}")
    if score.peak_mb > PEAK_MB[kind]:
        missed.append(f"{score.peak_mb:.0f} MB, at most {PEAK_MB[kind]}")
    return missed


def _accuracy(kind: str, score: Score, peers: Mapping[str, Score]) -> list[str]:
    missed = []
    gain_db = TUMOUR_GAIN_DB if kind == "tumour" else 0
    name, best = max(peers.items(), key=lambda item: item[1].psnr_01, default=("", None))
    if best and score.psnr_01 < best.psnr_01 + gain_db:
        missed.append(
            f"{score.psnr_01:.2f} dB, at least {gain_db} above {name}'s {best.psnr_01:.2f}"
        )
    if score.border_step_pct > BORDER_STEP_PCT:
        missed.append(f"border step {score.border_step_pct:.2f} %, at most {BORDER_STEP_PCT}")
    if score.volume_pct > VOLUME_PCT:
        missed.append(f"tissue volume changed by {score.volume_pct:.2f} %, at most {VOLUME_PCT}")
    return missed


def _best(kind: str, score: Score, peers: Mapping[str, Score]) -> list[str]:
    missed = []
    if score.psnr_01 < PSNR.get(kind, 0):
        missed.append(f"{score.psnr_01:.2f} dB, at least {PSNR[kind]}")
    if kind == "tumour":
        most = TUMOUR_MAE * min((s.mae for s in peers.values()), default=1.0)
    else:
        most = MAE_OF_NIFTYSEG[kind] * peers["niftyseg"].mae if "niftyseg" in peers else 1.0
    if score.mae > most:
        missed.append(f"mean absolute error {score.mae:.4f}, at most {most:.4f}")
    return missed


def _draw(score: Score) -> list[str]:
    return [
        f"{name} {value:.2f}, between {low} and {high}"
        for name, value, (low, high) in (
            ("texture", score.texture, TEXTURE),
            ("stripes", score.stripes, STRIPES),
        )
        if not low <= value <= high
    ]
