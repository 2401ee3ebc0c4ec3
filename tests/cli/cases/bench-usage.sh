t aiter-bench
t aiter-bench walk
t aiter-bench run
t aiter-bench run convolution
t aiter-bench run flash_attn again
t aiter-bench run flash_attn --device gpu
t aiter-bench run flash_attn --device hip:one
t aiter-bench run flash_attn --device sim:gfx9000
t aiter-bench run flash_attn --batch 0
t aiter-bench run flash_attn --heads 8 --kv-heads 3
t aiter-bench run gqa --heads 8
t aiter-bench run mqa --kv-heads 2
t aiter-bench run flash_attn --seqlen-q 0
t aiter-bench run flash_attn --seqlen-k -1
t aiter-bench run flash_attn --head-dim 7
t aiter-bench run flash_attn --head-dim 264
t aiter-bench run flash_attn --head-dim-v 60
t aiter-bench run flash_attn --dtype int8
t aiter-bench run flash_attn --scale 0
t aiter-bench run flash_attn --scale big
t aiter-bench run flash_attn --layout diagonal
t aiter-bench run flash_attn --layout packed-qkv --seqlen-q 4 --seqlen-k 5
t aiter-bench run flash_attn --layout packed-qkv --head-dim 64 --head-dim-v 32
t aiter-bench run flash_attn --iters 0
t aiter-bench run flash_attn --seed x
t aiter-bench run flash_attn --check=yes
t aiter-bench run flash_attn --block-size 16
t aiter-bench run kvcache --block-size 24
t aiter-bench run varlen --fp8-kv
t aiter-bench run flash_attn --not-causal
t aiter-bench run flash_attn --append 4
t aiter-bench run kvcache --append 40 --seqlen-k 30
t aiter-bench run kvcache --rotary half
t aiter-bench run kvcache --append 4 --rotary twisted
t aiter-bench run kvcache --append 4 --rotary half --rotary-dim 144
t aiter-bench run flash_attn --window 5
t aiter-bench run flash_attn --window 5,-2
t aiter-bench run kvcache --layout packed-qkv
