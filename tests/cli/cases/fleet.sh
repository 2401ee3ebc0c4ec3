# examples/fleet: what the job array and the Kubernetes jobs make is what one process makes; an image's cache serves a
# program that may not compile.
fleet=$SOURCE/examples/fleet
export FLEET_DIR=$PWD/fleet BUNDLE_DIR=$PWD/bundles KEY_DIR=$PWD SHARDS=2 TMPDIR=$PWD
mkdir fleet bundles
cp $fleet/fleet.txt fleet
aiter-precompile --quiet --manifest fleet/fleet.txt
aiter-precompile keygen fleet --quiet
aiter-precompile export --output whole --sign fleet.key --quiet
# The n-th script in the jobs' file.
script() { awk -v n=$1 '/^ *- \|$/ { indent = index($0, "-") - 1; i++; next }
    i == n && substr($0, 1, indent) ~ /^ *$/ && substr($0, indent + 1, 2) == "  " { print substr($0, indent + 3); next }
    i == n && NF { exit }' $fleet/kubernetes-job.yaml; }
for index in 0 1; do
    script 1 | sed "s#/tmp/#$PWD/#g" >job
    JOB_COMPLETION_INDEX=$index sh job >/dev/null 2>log || cat log
done
ls bundles
script 2 >job
sh job >/dev/null
cmp bundles/fleet.bundle whole && echo 'the jobs made the whole'
# The array: a task that runs again goes on with its bundle.
export SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=2 SLURM_ARRAY_TASK_COUNT=2
for task in 1 2 2; do
    SLURM_ARRAY_TASK_ID=$task $fleet/slurm-array.sh 2>/dev/null | grep -o 'shard [0-9].*failed'
done
aiter-precompile merge fleet/shard-*.bundle --output array --sign fleet.key --quiet
cmp array whole && echo 'the array made the whole'
ls -d aiter-warm.* 2>/dev/null
# The image.
$fleet/warm-image.sh fleet/fleet.txt image 2>/dev/null | tail -n 1
stat -c '%a' image image/code.lmdb
export AITER_SYSTEM_CACHE_DIRS=$PWD/image AITER_CACHE_POLICY=offline AITER_CACHE_DIR=$PWD/none
run="aiter-bench run flash_attn --device sim:gfx942 --batch 1 --heads 8 --seqlen-q 32 --seqlen-k 32 --dtype bf16 --head-dim 128 --causal --check --json"
$run --kv-heads 1 | grep -E '"(from_cache|pass.*|ok)"'
$run --kv-heads 8 2>&1 | grep -oE 'not in the cache|policy is offline' | sort -u
