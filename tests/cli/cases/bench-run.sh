# Each operation, checked; the second run finds its kernel in the cache.
small="--device sim:gfx942 --seqlen-q 33 --seqlen-k 70 --head-dim 64 --check"
numbers()
{
    sed -E -e 's/[0-9]+ VGPRs.*$/REGISTERS/' -e 's/[0-9]+ wave instructions in [0-9]+/N wave instructions in N/' -e 's/error [0-9.e-]+/error N/' \
        -e 's/tolerance [0-9.e-]+/tolerance N/' -e 's/\(error of textbook ([a-z0-9]+) .*\)/(textbook \1)/'
}
t aiter-bench run flash_attn $small --heads 2 --causal | numbers
t aiter-bench run flash_attn $small --heads 2 --causal --iters 3 | grep -E 'prepare|median|exit'
t aiter-bench run gqa $small --heads 4 --kv-heads 2 --lse --layout gaps --dtype fp16 | numbers
t aiter-bench run mqa $small --heads 4 --scale 0.5 --layout bhsd | numbers
t aiter-bench run flash_attn --device sim:gfx942 --heads 1 --seqlen-q 20 --dtype fp32 --head-dim 32 --check --no-cache | numbers
t aiter-bench run kvcache --device sim:gfx942 --batch 3 --heads 8 --kv-heads 1 --seqlen-q 2 --seqlen-k 90 --head-dim 64 --block-size 32 --fp8-kv --window 40,-1 --check | numbers
t aiter-bench run varlen --device sim:gfx950 --batch 4 --heads 2 --seqlen-q 50 --head-dim 64 --softcap 5 --alibi --sink --bias --lse --check | numbers
t aiter-bench run kvcache --device sim:gfx942 --batch 3 --heads 8 --kv-heads 1 --seqlen-q 2 --seqlen-k 90 --head-dim 64 --block-size 32 --append 2 --rotary half --check | numbers
