# Files of configurations: merged, without duplicates; every fault with its place. What --dry-run prints is one.
a='fmha_fwd arch=gfx942 dtype=bf16 hdqk=128'
printf '# recorded\n%s mask=causal gqa=8\n\n%s gqa=8 mask=causal lse=0 # again\n' "$a" "$a" >one
printf '%s\n' "$a" >two
t aiter-precompile --dry-run --manifest one --manifest two "$a lse=1"
t aiter-precompile --dry-run --manifest one --arch gfx950 --dtype fp16 --mask none
aiter-precompile --dry-run --arch gfx90a --head-dim 64 | aiter-precompile --dry-run --manifest - | wc -l
printf '%s\n%s hdqk=64\nnonsense\n' "$a" "$a" >wrong
t aiter-precompile --dry-run --manifest one --manifest wrong
t aiter-precompile --dry-run --manifest - <wrong
t aiter-precompile --dry-run --manifest nowhere
: >empty
t aiter-precompile --dry-run --manifest empty
