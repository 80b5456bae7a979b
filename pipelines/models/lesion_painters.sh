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

brainfill train --recipe lesion-paint --data "$pack" -o "$run/paint" &
brainfill train --recipe lesion-redraw --data "$pack" -o "$run/redraw"
wait %1

measure() {
  python "$here/../benchmark/synthesis_benchmark.py" "$ms/sub-07/anat" --donor "$ms/sub-19/anat" "$@"
}
measure --model "$run/paint/bundle" --ways conditional conditional:grain=false | tee "$run/paint.tsv"
measure --redraw "$run/redraw/bundle" --ways coarse guided | tee "$run/redraw.tsv"
for name in paint redraw; do
  python "$here/ship_painter.py" "$run/$name/bundle" "$here/lesion-$name.json" "$run/$name.tsv" "$bundles/lesion-$name"
done
