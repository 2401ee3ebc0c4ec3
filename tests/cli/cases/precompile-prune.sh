# What is not wanted goes, and the space with it.
aiter-precompile --quiet --arch gfx942,gfx950 --dtype bf16 --head-dim 32 --gqa 1,8
sizes() { sed -E 's/[0-9.]+ k?B/SIZE/g'; }
t aiter-precompile prune --dry-run arch=gfx942 mask=causal gqa=8 | sizes
t aiter-precompile prune arch=gfx942 mask=causal gqa=8 | sizes
t aiter-precompile prune --arch gfx942 --quiet | sizes
aiter-precompile list | wc -l
t aiter-precompile prune --stale --older-than 1d | sizes
before=$(stat -c %s cache/code.lmdb)
t aiter-precompile prune --max-bytes 30K --quiet | sed -E 's/[1234] of/N of/' | sizes
[ $(stat -c %s cache/code.lmdb) -lt $before ] && echo 'the file is smaller'
aiter-precompile stat --json | awk -F'[:,]' '/"record_bytes"/ { print($2 <= 30720 ? "it fits" : "too much"); exit }'
sleep 2
t aiter-precompile prune --older-than 1s --quiet | sed -E 's/[1234] of [1234]/N of N/' | sizes
aiter-precompile stat --json | grep '"kernels": 0' | head -n 1
# The compiler's identity stays, so that nothing has to be asked again.
aiter-precompile stat | grep -c '^toolchain'
