# SIGINT ends a run in order: the status says so, and the next run continues where it stopped.
run="aiter-precompile --arch gfx942 --dtype bf16 --head-dim 32,64,96,128 --jobs 1"
: >log
$run 2>log >out &
pid=$!
for i in $(seq 300); do
    grep -q 'compiled' log && break
    sleep 0.1
done
kill -INT $pid
wait $pid
echo "exit $?"
grep -c 'interrupted: [1-7] configurations were not run' log
grep -c '^failed' log
grep -cE '8 configurations: [1-7] compiled, 0 from cache, 0 failed, [1-7] not run' out
aiter-precompile verify --quiet && echo "the cache is whole"
$run >out 2>/dev/null
echo "exit $?"
grep -cE '8 configurations: [1-7] compiled, [1-7] from cache, 0 failed \(' out
