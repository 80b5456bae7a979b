#!/usr/bin/env bash
# Makes the shipped model brain-mask: packs the heads, trains, measures, and puts the bundle into the package.
#
#   pipelines/models/brain_mask.sh IXI2MM LABELMAPS TEMPLATE_HEAD TEMPLATE_BRAIN RUN
#
# Interrupted, the same command continues. About 110 minutes on one CPU core. The template is only measured on.
set -euo pipefail

ixi=$1 labelmaps=$2 head=$3 brain=$4 run=$5
here=$(cd "$(dirname "$0")" && pwd)
benchmark=$here/../benchmark
export OMP_NUM_THREADS=1

mkdir -p "$run"
[[ -f $run/heads.npz ]] || PYTHONPATH=$benchmark python "$here/pack_heads.py" "$ixi" "$labelmaps" "$run/heads.npz"
train() {
  local out=$1; shift
  local settings=(train.batch=2 train.rate=1.5e-3 train.reuse=2 train.pool=16 "$@")
  brainfill train --family blocks --data "$run/heads.npz" -o "$out" "${settings[@]/#/--set=}"
}

# First heads as different as can be; then, around the brain as the stripper's second look sees them, milder ones.
train "$run/wide" train.steps=2250 train.warmup=100 train.ema=0.997
looks=(
  warp.shift_vox=[5.0,4.0,5.0] warp.turn_deg=9 warp.zoom=0.08 painted=0.1 contrast=0.35 lesions=0.2 bias=0.5 coarse=0.2
  noise=0.4 cut=0.3 cropped=0.05 stripped=0.15 gaps=0.03 no_head=0.02
)
close=(model.crop_vox=[80,80,96] train.warmup=50 train.ema=0.995 "${looks[@]/#/train.looks.}")
train "$run/close" "train.begin=$run/wide/bundle" train.steps=1500 train.seed=1 "${close[@]}"
# Once more from a high rate: the first time it had not learnt all it can (Dice 0.966, then 0.972).
train "$run/again" "train.begin=$run/close/bundle" train.steps=1450 train.seed=2 train.rate=1.2e-3 "${close[@]}"
# And longer: better for most, worse for a few; the mean of both sets of weights is good for all.
train "$run/longer" "train.begin=$run/again/bundle" train.steps=3000 train.seed=3 "${close[@]}" train.ema=0.998
python "$here/average.py" "$run/again/bundle" "$run/longer/bundle" -o "$run/average"

unset OMP_NUM_THREADS
python "$benchmark/strip_benchmark.py" "$ixi" --also "$head" "$brain" --set "model=$run/average" | tee "$run/benchmark.tsv"
python "$here/ship_stripper.py" "$run/average" "$here/brain-mask.json" "$run/benchmark.tsv" "$here/../../brainfill/bundles/brain-mask"
