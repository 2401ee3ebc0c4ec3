#!/bin/bash
#SBATCH --job-name=aiter-warm
#SBATCH --array=1-8
#SBATCH --cpus-per-task=8
#SBATCH --time=00:30:00
#SBATCH --requeue
# Each task of the array compiles its part of fleet.txt and leaves a bundle beside it. Afterwards:
#
#     aiter-precompile merge shard-*.bundle --output fleet.bundle --sign fleet.key
#
# The cache is on the node's own disk: the store refuses network filesystems. A task that was preempted goes on with
# what its bundle has.
set -u
trap : TERM # aiter-precompile gets it, too, and ends in order; this shell has to export what was compiled

fleet=${FLEET_DIR:-$SLURM_SUBMIT_DIR}
bundle=$fleet/shard-$SLURM_ARRAY_TASK_ID.bundle
cache=$(mktemp -d "${TMPDIR:-/tmp}/aiter-warm.XXXXXX")
trap 'rm -rf "$cache"' EXIT

[ ! -e "$bundle" ] || aiter-precompile import --cache-dir "$cache" "$bundle"
aiter-precompile --manifest "$fleet/fleet.txt" --shard slurm --jobs "${SLURM_CPUS_PER_TASK:-1}" --cache-dir "$cache"
status=$?
aiter-precompile export --cache-dir "$cache" --output "$bundle" || exit
exit $status
