# Parts of the work: nothing twice, nothing left out; from a job array's variables, too.
run="aiter-precompile --dry-run --arch gfx90a,gfx942 --dtype bf16 --head-dim 64,128 --gqa 1,8"
$run | sort >whole
for i in 1 2 3; do $run --shard $i/3 >part$i; wc -l <part$i; done
cat part? | sort | diff - whole && echo 'the parts are the whole'
SLURM_ARRAY_TASK_ID=12 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_MAX=12 SLURM_ARRAY_TASK_COUNT=3 $run --shard slurm |
    diff - part3 && echo 'the third task'
t $run --shard 20/20
t $run --shard 4/3
t $run --shard slurm
export SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_COUNT=3
t $run --shard slurm
# An empty part is no error.
t aiter-precompile --arch gfx942 --dtype bf16 --head-dim 32 --mask none --shard 2/2
t aiter-precompile --arch gfx942 --dtype bf16 --head-dim 32 --mask none --shard 1/2 --json >json
grep -A4 '"shard"' json
