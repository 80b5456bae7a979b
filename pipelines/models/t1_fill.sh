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
OMP_NUM_THREADS=1 brainfill train --recipe t1-fill --data "$run/pack.npz" -o "$run"

python "$here/../benchmark/fill_benchmark.py" "$oasis" "$lesions" --people "${held_out[@]}" \
  --methods "diffusion:model=$run/bundle" "diffusion:model=$run/bundle,quality=best" patch harmonic localmean histogram | tee "$run/benchmark.tsv"
python "$here/ship.py" "$run/bundle" "$here/t1-fill.json" "$run/benchmark.tsv" "$here/../../brainfill/bundles/t1-fill"
