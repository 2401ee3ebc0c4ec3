t aiter-precompile --dry-run --arch gfx942 --dtype bf16 --mask causal --gqa 8 --emit-source out/sources
ls out/sources
cat out/sources/*.options
grep -c 'extern "C"' out/sources/*.hip
touch file
t aiter-precompile --dry-run --arch gfx942 --emit-source file
t aiter-precompile --dry-run --arch gfx942 --emit-source file/below
