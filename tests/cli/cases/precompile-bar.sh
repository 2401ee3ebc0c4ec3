# needs: a terminal
# On a terminal: a bar that is drawn over, cut to the width, and gone at the end.
run="aiter-precompile --arch gfx942 --dtype bf16 --head-dim 32 --jobs 1"
script -qec "stty cols 60; $run" /dev/null >typescript
tr '\r' '\n' <typescript | sed 's/\x1b\[K$//' >lines
grep -cE '^\[>' lines | sed 's/^[1-9][0-9]*$/drawn at the start/'
grep -cE '^\[=+>? *\] [12]/2  [0-9.]+/s  [0-9]+ s left  fmha_fwd' lines | sed 's/^[1-9][0-9]*$/drawn later/'
awk 'length > 59' lines | grep -c '^\['
tail -n 1 typescript | tr -d '\r' | sed 's/.*\x1b\[K//'
