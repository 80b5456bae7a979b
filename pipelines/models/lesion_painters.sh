#!/usr/bin/env bash
# Makes the shipped models lesion-paint and lesion-redraw: packs the scans, trains, measures, and puts the bundles into the package.
#
#   pipelines/models/lesion_painters.sh MS OASIS RUN
#
# MS holds sub-07, sub-19 and lesion_masks. Interrupted, the same command continues. About two hours on two CPU cores.
set -euo pipefail

ms=$1 oasis=$2 run=$3
here=$(cd "$(dirname "$0")" && pwd)
bundles=$here/../../brainfill/bundles
export OMP_NUM_THREADS=1

mkdir -p "$run"
pack=$run/lesions.npz
[[ -f $pack ]] || python "$here/pack_lesions.py" "$pack" --patients "$ms" --healthy "$oasis" \
  --shapes "$ms/lesion_masks" --exclude sub-07 sub-1002 sub-1008 sub-1122

train() {
  local out=$1; shift
  local settings=(
    "$@" 'model.contrasts=["T1w","FLAIR"]' model.crop_vox=[24,40,40]
    train.batch=4 train.rate=1e-3 train.warmup=100 train.reuse=4 train.pool=64
    train.augment.gamma=0.1 train.augment.bias=0.1 train.augment.noise=0.02 train.augment.blur=0.1
  )
  brainfill train --family memory3d --data "$pack" -o "$out" "${settings[@]/#/--set=}"
}

train "$run/paint" 'model.first_fill="harmonic"' model.residual_scale=0.25 train.ema=0.998 train.steps=2900 &
train "$run/redraw" 'model.first_fill="zero"' model.prediction='"eps"' model.weighting='"min_snr"' model.unet.mult=[1,2,4] \
  model.conditional=false model.residual_scale=0.5 \
  model.details=[] train.noisiest=0 train.ring=0 train.ema=0.997 train.steps=2000
wait %1

measure() {
  python "$here/../benchmark/synthesis_benchmark.py" "$ms/sub-07/anat" --donor "$ms/sub-19/anat" "$@"
}
measure --model "$run/paint/bundle" --ways conditional conditional:grain=false | tee "$run/paint.tsv"
measure --redraw "$run/redraw/bundle" --ways coarse guided | tee "$run/redraw.tsv"
for name in paint redraw; do
  python "$here/ship_painter.py" "$run/$name/bundle" "$here/lesion-$name.json" "$run/$name.tsv" "$bundles/lesion-$name"
done
