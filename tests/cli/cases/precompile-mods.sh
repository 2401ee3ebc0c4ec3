# Expressions: from options and files, refused with their place, in manifests, in the cache's commands, and what the
# compiler says of them.
run="aiter-precompile --arch gfx942 --dtype bf16 --head-dim 64 --mask none --jobs 1"
printf 'kv_idx <= q_idx ||\n\tkv_idx < 4 // all see the first\n\n' >sinks
t $run --dry-run --score-mod 'min(score, 5.0f)' --score-mod 'score * 2' --mask-mod @sinks
t $run --dry-run --score-mod 'score;'
t $run --dry-run --mask-mod '(q_idx'
t $run --dry-run --mask-mod @missing
t aiter-precompile --mask-mod @sinks
t $run --score-mod 'score - slope * q_idx'
t $run --mask-mod 'user'
$run --score-mod 'score * 2' --mask-mod @sinks --dry-run >manifest
t aiter-precompile --manifest manifest
t $run --score-mod 'score * 2' --mask-mod @sinks
t $run --score-mod 'score * 3'
aiter-precompile list | grep -o 'score_mod.*' | sort
aiter-precompile list 'score_mod="score * 3"' | grep -o 'score_mod.*'
aiter-precompile list 'mask_mod=kv_idx' | grep -o 'score_mod.*'
aiter-precompile verify --deep 2>/dev/null
