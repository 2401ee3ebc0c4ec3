# Every kind of wrong command line: the option, the value and what was expected.
t aiter-precompile
t aiter-precompile --dtype bf16
t aiter-precompile --frobnicate
t aiter-precompile -x
t aiter-precompile --arch
t aiter-precompile --arch gfx9000
t aiter-precompile --arch gfx942,
t aiter-precompile --arch gfx942:xnack+
t aiter-precompile --arch gfx942 --dtype fp8
t aiter-precompile --arch gfx942 --head-dim 0
t aiter-precompile --arch gfx942 --head-dim 7
t aiter-precompile --arch gfx942 --head-dim 64,264
t aiter-precompile --arch gfx942 --head-dim 128x
t aiter-precompile --arch gfx942 --head-dim 192x128x64
t aiter-precompile --arch gfx942 --mask diagonal
t aiter-precompile --arch gfx942 --gqa 0
t aiter-precompile --arch gfx942 --gqa -8
t aiter-precompile --arch gfx942 --lse yes
t aiter-precompile --arch gfx942 --jobs 0
t aiter-precompile --arch gfx942 --jobs 1e3
t aiter-precompile --arch gfx942 --timeout 99999999999999999999
t aiter-precompile --arch gfx942 --cache-dir ''
t aiter-precompile --arch gfx942 --quiet=1
t aiter-precompile gfx942
t aiter-precompile 'fmha_fwd arch=gfx942 dtype=bf16 hdqk=127'
t aiter-precompile 'fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 colour=red'
t aiter-precompile -- --arch
ls -A
