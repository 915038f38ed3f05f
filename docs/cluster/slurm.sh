#!/usr/bin/env bash
# A Ray cluster for as long as one Slurm job, and a sweep on it: `sbatch docs/cluster/slurm.sh paper`, from the project's folder
# on the shared file system. Submit it again to go on.
#SBATCH --job-name=backdoor-sweep
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
export RAY_USAGE_STATS_ENABLED=0
ray=.venv/bin/ray
port=$((20000 + SLURM_JOB_ID % 10000))
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}')
shared=(--block --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "${SLURM_GPUS_ON_NODE:-0}")

# this script itself runs on the first node, beside the head
srun --nodes=1 --ntasks=1 --nodelist="$head" --overlap \
  "$ray" start --head --node-ip-address="$address" --port="$port" "${shared[@]}" &
until "$ray" status --address "$address:$port" >/dev/null 2>&1; do sleep 2; done
others=$((SLURM_JOB_NUM_NODES - 1))
if ((others > 0)); then
  srun --nodes="$others" --ntasks="$others" --exclude="$head" "$ray" start --address "$address:$port" "${shared[@]}" &
fi
.venv/bin/kedro sweep "$@" --engine ray --address "$address:$port"
