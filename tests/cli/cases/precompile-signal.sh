# SIGTERM and SIGHUP are reported as such. A compiler that does not end is given up and killed, what was compiled stays.
run="aiter-precompile --arch gfx942 --dtype bf16 --head-dim 32,64 --mask causal --jobs 1"
printf '#!/bin/sh\necho $$ >pid\nexec sleep 300\n' >hangs
chmod +x hangs
stop()
{
    : >log
    "${@:2}" 2>log >out &
    tool=$!
    for i in $(seq 200); do
        grep -q 'compiled' log || [ -s pid ] && break
        sleep 0.05
    done
    kill -$1 $tool
    wait $tool
    echo "exit $?"
    grep -c '^failed' log
}
stop HUP $run
stop TERM $run --compiler ./hangs --head-dim 256 --cache-dir other
grep -o 'interrupted:.*' log
cat out
grep -qs '^State:.[^Z]' /proc/$(cat pid)/status || echo 'the compiler is gone'
$run >out 2>&1
tail -n 1 out | sed -E 's/[12] compiled, [01] from/N compiled, N from/' # which, the first signal decides
# A bundle that does not come.
mkfifo pipe
sleep 30 >pipe &
sleeper=$!
aiter-precompile import --cache-dir other - <pipe 2>log &
tool=$!
until [ $((0x$(awk '/^SigCgt/ { print $2 }' /proc/$tool/status) & 0x4000)) -ne 0 ]; do sleep 0.05; done
sleep 0.3 # from the handler to the read
kill -TERM $tool
wait $tool
echo "exit $?"
cat log
kill $sleeper
