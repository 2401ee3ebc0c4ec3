# Products, defaults, duplicates, texts; nothing is written.
t aiter-precompile --dry-run --arch gfx942
t aiter-precompile --dry-run --arch gfx90a,gfx950 --dtype fp16 --head-dim 64,192x128 --mask causal --gqa 1,8 --lse 1
t aiter-precompile --dry-run --arch gfx942 --arch=gfx942 --dtype bf16,bf16 --mask none
t aiter-precompile --dry-run 'fmha_fwd dtype=fp32 hdqk=64 arch=gfx1100'
t aiter-precompile --dry-run --arch gfx950 --dtype bf16 --mask none 'fmha_fwd arch=gfx90a dtype=fp16 hdqk=40 lse=1'
t aiter-precompile --dry-run --arch gfx942 --dtype bf16 --json
t aiter-precompile --dry-run --arch gfx942 --quiet
ls -A
