# What profile refuses: options of run, no simulated device, half of a kernel, arguments that cannot be.
sim="--device sim:gfx942"
code="$sim --code-object a.co --kernel k --grid 1 --block 64"
t aiter-bench profile
t aiter-bench profile convolution $sim
t aiter-bench profile flash_attn again $sim
t aiter-bench profile flash_attn
t aiter-bench profile flash_attn --device hip:0
t aiter-bench profile flash_attn --device sim:gfx9000
t aiter-bench profile flash_attn $sim --check
t aiter-bench profile flash_attn $sim --iters 3
t aiter-bench profile flash_attn $sim --heads 8 --kv-heads 3
t aiter-bench profile flash_attn $sim --grid 1
t aiter-bench profile flash_attn $sim --top 0
t aiter-bench profile flash_attn $sim --trace ''
t aiter-bench run flash_attn --trace trace.json
t aiter-bench run flash_attn --code-object a.co
t aiter-bench profile flash_attn $code
t aiter-bench profile $code --causal
t aiter-bench profile $sim --code-object a.co --grid 1 --block 64
t aiter-bench profile $sim --code-object a.co --kernel k --block 64
t aiter-bench profile $sim --code-object a.co --kernel k --grid 1
t aiter-bench profile $code --grid 1,2,3,4
t aiter-bench profile $code --grid 1,,2
t aiter-bench profile $code --block 0
t aiter-bench profile $code --block 1025
t aiter-bench profile $code --lds x
t aiter-bench profile $code --args u32:1,f33:2
t aiter-bench profile $code --args ''
