#!/usr/bin/env bash
# Makes the shipped models tissues (1 mm) and regions (2 mm): packs the brains, trains, measures, puts both bundles into
# the package.
#
#   pipelines/models/thickness_networks.sh OASIS IXI2MM RUN
#
# Interrupted, the same command continues. About an hour and a half for tissues and two and a half hours for regions, on one CPU core.
set -euo pipefail

oasis=$1 ixi=$2 run=$3
here=$(cd "$(dirname "$0")" && pwd)
benchmark=$here/../benchmark
export OMP_NUM_THREADS=1

mkdir -p "$run"
[[ -f $run/regions.npz ]] || PYTHONPATH=$benchmark python "$here/pack_brains.py" "$oasis" "$ixi" "$run"/{tissues,regions}.npz
train() {
  local pack=$1 out=$2; shift 2
  local settings=(model.unet.width=20 train.reuse=2 "$@")
  brainfill train --family blocks --data "$run/$pack.npz" -o "$run/$out" "${settings[@]/#/--set=}"
}
# Brains are stripped and whole, and their contrast is that of T1w images, more or less.
whole=(painted=0 contrast=0.3 cut=0 stripped=0 gaps=0 no_head=0)

looks=(
  warp.shift_vox=[40.0,35.0,50.0] warp.turn_deg=8 warp.zoom=0.07 lesions=0.25 spots=0.5 bias=0.5 coarse=0.2 noise=0.5 cropped=0.02
  "${whole[@]}"
)
tissues=(
  'model.classes=["background","csf","grey","white"]' model.crop_vox=[80,80,96] train.batch=2 train.pool=16 train.ema=0.997
  "${looks[@]/#/train.looks.}"
)
train tissues tissues-moved "${tissues[@]}" train.rate=1.5e-3 train.warmup=100 train.steps=2200
# Turned and stretched images are interpolated, and so smoother than those that are segmented: half of them not any more
# (grey matter: Dice 0.848, then 0.862).
train tissues tissues "${tissues[@]}" train.begin="$run/tissues-moved/bundle" train.looks.warp.still=0.5 train.rate=1e-3 \
  train.warmup=50 train.seed=1 train.steps=1400

classes=$(python -c 'import json
from brainfill.thickness.regions import CLASSES, region_names
print(json.dumps([*CLASSES, *region_names()]))')
looks=(
  warp.shift_vox=[3.0,3.0,3.0] warp.turn_deg=7 warp.zoom=0.06 lesions=0.15 bias=0.4 coarse=0.15 noise=0.4 cropped=0
  "${whole[@]}"
)
regions=("model.classes=$classes" model.crop_vox=[72,72,88] train.batch=1 "${looks[@]/#/train.looks.}")
train regions regions-first "${regions[@]}" train.pool=8 train.ema=0.995 train.rate=1.5e-3 train.warmup=100 train.steps=1500
train regions regions "${regions[@]}" train.begin="$run/regions-first/bundle" train.reuse=3 train.pool=12 train.ema=0.997 \
  train.rate=1e-3 train.warmup=50 train.seed=2 train.steps=1600

unset OMP_NUM_THREADS
models=(--tissues "$run/tissues/bundle" --regions "$run/regions/bundle")
python "$benchmark/tissue_benchmark.py" "$oasis" "${models[@]}" | tee "$run/benchmark.tsv"
for name in tissues regions; do
  python "$here/ship_tissues.py" "$run/$name/bundle" "$here/$name.json" "$run/benchmark.tsv" "$here/../../brainfill/bundles/$name"
done
