# Combinations that are no configuration: left out of a product, an error when they stand alone.
t aiter-precompile --dry-run --arch gfx942,gfx1100 --dtype bf16,fp32 --mask none
t aiter-precompile --dry-run --arch gfx942,gfx1100 --dtype bf16 --mask none --json
t aiter-precompile --dry-run --arch gfx1100 --dtype bf16 --mask none
t aiter-precompile --dry-run --arch gfx1100,gfx1201 --dtype bf16
t aiter-precompile --dry-run --arch all --dtype fp16 --head-dim 128 --mask none --quiet
