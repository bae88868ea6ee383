#!/bin/bash
#SBATCH --job-name=attend
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=64
#SBATCH --mem=128G
#SBATCH --time=12:00:00
#SBATCH --requeue
# Look at all images of a folder on eight machines. RUN, IMAGES and OUT are on a file system that all of them share.
# After a time limit or a failure, submit it again: it goes on.
set -euo pipefail

RUN=${RUN:-runs/mine}
IMAGES=${IMAGES:-images}
OUT=${OUT:-found}

export RAY_USAGE_STATS_ENABLED=0
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=600
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

srun --kill-on-bad-exit=0 ray symmetric-run \
    --address "$head:6379" \
    --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus "$SLURM_CPUS_PER_TASK" \
    -- \
    attend infer "$RUN" "$IMAGES" --out "$OUT" --cluster auto --resume
