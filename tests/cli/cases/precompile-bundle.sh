# Shards, merged, are the whole, byte for byte; a cache that imports needs no compiler.
run="aiter-precompile --quiet --arch gfx942 --dtype bf16 --head-dim 32 --gqa 1,8"
numbers() { sed -E 's/[0-9.]+ kB in [0-9.]+ kB, content [0-9a-f]+/SIZE/; s/signed by [0-9a-f]+/signed by KEY/'; }
$run
t aiter-precompile export --output whole | numbers
for i in 1 2; do
    $run --cache-dir cache$i --shard $i/2
    aiter-precompile export --cache-dir cache$i --output part$i --quiet
done
t aiter-precompile merge part1 part2 --output merged | numbers
cmp whole merged && echo 'the parts are the whole'
t aiter-precompile merge part1 whole part1 --output again | numbers
cmp whole again && echo 'nothing is there twice'
t aiter-precompile import --cache-dir new part1 part2 | numbers
t aiter-precompile import --cache-dir new - <whole | numbers
t aiter-precompile import --cache-dir new --dry-run whole | numbers
aiter-precompile export --cache-dir new --output exported --quiet
cmp whole exported && echo 'the same again'
AITER_COMPILER=/nonexistent $run --cache-dir new --json | grep -E '"(compiled|from_cache|failed)"'
t aiter-precompile export --output some mask=causal gqa=8 | numbers
# Signed.
aiter-precompile keygen key | sed -E 's/[0-9a-f]{64}/KEY/'
stat -c '%a %n' key.key key.pub
t aiter-precompile keygen key
t aiter-precompile export --output signed --sign key.key | numbers
t aiter-precompile merge part1 part2 --output signed2 --sign key.key | numbers
cmp signed signed2 && echo 'signatures are the same, too'
t aiter-precompile import --cache-dir trusting --trust key.pub signed | numbers
aiter-precompile import --cache-dir new --json whole signed | sed -E 's/: ("[0-9a-f]{64}"|[0-9]{4,})/: VALUE/'
