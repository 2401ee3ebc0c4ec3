# What is not the command line's fault: exit status 1 for a configuration, 3 for the whole run.
run="aiter-precompile --arch gfx942 --dtype bf16 --head-dim 64 --mask none --jobs 1"
touch file
t $run --compiler /nonexistent/aiter-compiler | grep -oE 'cannot start .*aiter-compiler: No such file|^exit.*'
t $run --cache-dir file
t $run --emit-code file/below
t $run --compiler /bin/false | grep -vE '^    '
t $run --compiler /bin/false --json | grep -E '"(state|failed|exit)'
