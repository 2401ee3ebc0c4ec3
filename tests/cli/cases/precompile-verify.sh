# Every record is read; a damaged one is found, removed on request, and compiled again by the next run.
run="aiter-precompile --arch gfx942 --dtype bf16 --head-dim 32 --jobs 1"
$run --quiet
t aiter-precompile verify
t aiter-precompile verify --deep --jobs 1 --quiet mask=causal
aiter-precompile verify --deep --quiet --json mask=causal
offset=$(grep -obUaP '\x7fELF' cache/code.lmdb | head -n 1 | cut -d: -f1)
printf '\377\377' | dd of=cache/code.lmdb bs=1 seek=$((offset + 2000)) conv=notrunc status=none
t aiter-precompile verify | sed -E 's/[0-9a-f]{64}/DIGEST/'
aiter-precompile verify --json 2>&1 | grep -E '"(damaged|problem)"'
t aiter-precompile verify --remove | sed -E 's/[0-9a-f]{64}/DIGEST/'
t aiter-precompile verify
$run --json 2>/dev/null | grep -E '"(compiled|from_cache)"'
t aiter-precompile verify --deep --jobs 1 --compiler /nonexistent | sed 's/cannot start.*/cannot start.../'
t aiter-precompile verify --cache-dir nowhere
