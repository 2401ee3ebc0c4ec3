# Cold, then warm; what --emit-code writes, also when the code comes from the cache.
run="aiter-precompile --arch gfx942 --dtype bf16 --head-dim 64 --jobs 1"
t $run
t $run --emit-code code
ls code
head -c 4 code/*causal*.hsaco | od -An -c
t $run --quiet
t $run --json >json
grep -E '"(state|compiled|from_cache|failed|not_run|interrupted)"' json
grep -oE '"[a-z_]+":' json | sort -u | tr '\n' ' '
echo
