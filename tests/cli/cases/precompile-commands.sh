# Each command's help, and its wrong usage.
for command in list stat verify prune export import merge keygen; do
    t aiter-precompile $command --help
done
t aiter-precompile list gfx942
t aiter-precompile list --frobnicate
t aiter-precompile stat now
t aiter-precompile verify --jobs 2
t aiter-precompile verify arch=gfx942
t aiter-precompile verify --deep =
t aiter-precompile prune
t aiter-precompile prune --older-than 0
t aiter-precompile prune --older-than 1y
t aiter-precompile prune --max-bytes 99999999999G
t aiter-precompile prune --arch gfx9000
t aiter-precompile export
t aiter-precompile export --output file x
t aiter-precompile import
t aiter-precompile merge --output file
t aiter-precompile merge file
t aiter-precompile keygen
t aiter-precompile keygen a b
ls -A
