# A cache that cannot be used costs a warning and a compile, not the run.
touch file
small="--device sim:gfx950 --heads 1 --seqlen-q 20 --head-dim 32 --check"
t aiter-bench run flash_attn $small --cache-dir file | grep -E 'warning|compiled|check|exit' | sed 's/max error.*:/ERRORS:/'
