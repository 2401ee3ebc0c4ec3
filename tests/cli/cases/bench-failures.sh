# A wrong result is exit status 1; what is missing or fails, 3.
small="--device sim:gfx942 --heads 1 --seqlen-q 20 --head-dim 32"
AITER_SIM=$BUILD/lib/libbroken-runtime.so t aiter-bench run flash_attn $small --check | grep -oE '(: FAIL|^exit.*)$'
AITER_SIM=$BUILD/lib/libbroken-runtime.so t aiter-bench run flash_attn $small | tail -1
AITER_SIM=$BUILD/lib/libbroken-runtime.so t aiter-bench run flash_attn $small --check --json |
    grep -E '"pass"|not finite|^exit' | sed -E 's/"reason".*/"reason"/'
AITER_SIM=/nonexistent.so t aiter-bench run flash_attn $small
AITER_HIP_RUNTIME=/nonexistent.so t aiter-bench run flash_attn --seqlen-q 20
AITER_HIP_RUNTIME=libc.so.6 t aiter-bench run flash_attn --seqlen-q 20
AITER_HIP_RUNTIME=$BUILD/lib/libaiter-sim.so t aiter-bench run flash_attn --device hip:99 --seqlen-q 20
t aiter-bench run flash_attn $small --dtype fp16 --compiler /nonexistent/aiter-compiler | grep -oE 'cannot start .*aiter-compiler: No such file|^exit.*'
t aiter-bench run flash_attn $small --sim-check uninit,waits
