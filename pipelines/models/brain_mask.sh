#!/usr/bin/env bash
# Makes the shipped model brain-mask: packs the heads, trains, measures, and puts the bundle into the package.
#
#   pipelines/models/brain_mask.sh IXI2MM LABELMAPS TEMPLATE_HEAD TEMPLATE_BRAIN RUN
#
# Interrupted, the same command continues. About an hour on one CPU core. The template is only measured on.
set -euo pipefail

ixi=$1 labelmaps=$2 head=$3 brain=$4 run=$5
here=$(cd "$(dirname "$0")" && pwd)
benchmark=$here/../benchmark

mkdir -p "$run"
[[ -f $run/heads.npz ]] || PYTHONPATH=$benchmark python "$here/pack_heads.py" "$ixi" "$labelmaps" "$run/heads.npz"
settings=(steps=3000 batch=2 rate=1.5e-3 warmup=100 ema=0.997 reuse=2 pool=16)
OMP_NUM_THREADS=1 brainfill train --family blocks --data "$run/heads.npz" -o "$run" "${settings[@]/#/--set=train.}"

python "$benchmark/strip_benchmark.py" "$ixi" --also "$head" "$brain" --set "model=$run/bundle" | tee "$run/benchmark.tsv"
python "$here/ship_stripper.py" "$run/bundle" "$here/brain-mask.json" "$run/benchmark.tsv" "$here/../../brainfill/bundles/brain-mask"
