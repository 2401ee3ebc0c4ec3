# The report of a profile made by hand (tests/profile/fixture.c), as text, annotated, as JSON and with a trace.
export AITER_SIM=$BUILD/lib/libfake-timing.so
small="--device sim:gfx942 --heads 1 --seqlen-q 20 --head-dim 32"
t aiter-bench profile flash_attn $small --top 3
t aiter-bench profile flash_attn $small --top 2 --annotate | sed -n '/order of address/,$p'
t aiter-bench profile flash_attn $small --trace trace.json | tail -3
head -c 300 trace.json
echo
t aiter-bench profile flash_attn $small --trace /nonexistent/trace.json | grep -E '^(aiter-bench|exit)'
t aiter-bench profile flash_attn $small --trace /dev/full | grep -E '^(aiter-bench|exit)'
FAKE_LAUNCHES=2 t aiter-bench profile flash_attn $small --trace trace.json | grep -E '^launch|kernel|minimum|^trace|^exit'
FAKE_LAUNCHES=0 t aiter-bench profile flash_attn $small
aiter-bench profile flash_attn $small --json --trace trace.json >json
echo "exit $?"
grep -E '"(format|operation|name|arch|seqlen_q|kernel|by|busiest|limited_by|tflops|hit_rate)"' json
grep -oE '"[a-z_0-9]+":' json | sort -u | tr '\n' ' '
echo

# A kernel of a code object, here our own with arguments that are all zero: no row, no key.
aiter-precompile --quiet --arch gfx942 --dtype fp16 --head-dim 32 --mask none --gqa 1 --emit-code .
file=$(echo *.hsaco)
kernel=${file%.hsaco}
code="--device sim:gfx942 --code-object $file --kernel"
t aiter-bench profile $code $kernel --grid 1 --block 256 --args ptr:1K:fp16,pad:1000 --top 1 | head -5
t aiter-bench profile $code $kernel --grid 1 --block 256 --args pad:1000 --json | grep -E '"(code_object|operation|kernel)"'
t aiter-bench profile $code missing --grid 1 --block 256
t aiter-bench profile $code $kernel --grid 1 --block 1024,2
t aiter-bench profile --device sim:gfx942 --code-object missing.co --kernel k --grid 1 --block 64
