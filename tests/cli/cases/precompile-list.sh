# What is in a cache: list with filters, stat, both as JSON; nothing is written or created.
aiter-precompile --quiet --arch gfx942,gfx950 --dtype bf16 --head-dim 32 --mask causal --gqa 1,8
numbers() { sed -E 's/ +[0-9.]+ kB +[0-9]+ +[0-9]+ +[0-9]+ (s|min) +[0-9]+ (s|min)  / NUMBERS /'; }
t aiter-precompile list | numbers
t aiter-precompile list arch=gfx942 gqa=8 | numbers
t aiter-precompile list gqa=80 | numbers
generator=$(aiter-precompile stat --json | grep -oE '"generator": "[0-9a-f]+' | cut -d'"' -f4)
aiter-precompile list generator=${generator:0:10} arch=gfx950 | wc -l
aiter-precompile list toolchain=0000 | wc -l
aiter-precompile list --json arch=gfx950 gqa=1 | sed -E 's/: ("[0-9a-f]{64}"|[0-9]+)/: VALUE/; s/WORK/W/'
t aiter-precompile stat | sed -E 's/[0-9.]+ kB/SIZE/g; s/[0-9a-f]{12}/DIGEST/; s/[0-9]+ (s|min)/AGE/g'
aiter-precompile stat --json | sed -E 's/: ("[0-9a-f]{64}"|[0-9]{2,})/: VALUE/'
t aiter-precompile list --cache-dir nowhere
t aiter-precompile stat --cache-dir nowhere
ls
