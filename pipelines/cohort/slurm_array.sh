#!/usr/bin/env bash
# One person per task of a SLURM array; the task's number is the person's line in a list.
#
#   sbatch --array=1-257%20 slurm_array.sh LIST BIDS_DIR OUT_DIR [options of brainfill bids]
#
# LIST is participants.tsv, or a file with one label per line (sub-01 or 01). The same command again does only what is not
# done. What is run can be a container: BRAINFILL="apptainer run --cleanenv --nv -B /data brainfill.sif" sbatch ...
#SBATCH --job-name=brainfill
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=01:00:00
#SBATCH --output=brainfill_%A_%a.log
set -euo pipefail

(( $# >= 3 )) || { echo "usage: sbatch --array=1-N $0 LIST BIDS_DIR OUT_DIR [options]" >&2; exit 2; }
list=$1 raw=$2 out=$3
shift 3
task=${SLURM_ARRAY_TASK_ID:?not a task of an array: sbatch --array=1-N}
read -ra command <<< "${BRAINFILL:-brainfill bids}"

# The column participant_id of a table with that header, else the first of every line.
labels=$(awk -F '\t' '
  { sub(/\r$/, "") }
  NR == 1 { for (i = 1; i <= NF; i++) if ($i == "participant_id") column = i; if (column) next; column = 1 }
  $column != "" { print $column }
' "$list")
label=$(sed -n "${task}p" <<< "$labels")
if [[ -z $label ]]; then
  echo "error: '$list' has $(wc -l <<< "$labels") people, and this is task $task" >&2
  echo "hint: --array=1-$(wc -l <<< "$labels")" >&2
  exit 2
fi

# In place of this shell, so that it is brainfill that hears when SLURM ends the task.
exec "${command[@]}" "$raw" "$out" participant --participant-label "$label" \
  --omp-nthreads "${SLURM_CPUS_PER_TASK:-1}" "$@"
