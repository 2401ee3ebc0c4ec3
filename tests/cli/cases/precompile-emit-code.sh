# The metadata of a code object: every key, and all that does not depend on the compiler.
aiter-precompile --quiet --arch gfx950 --dtype fp16 --head-dim 192x128 --mask causal --gqa 4 --lse 1 --emit-code .
ls *.hsaco *.json
facts='generator|libaiter|tile_q|tile_k|vgprs|sgprs|agprs|code_bytes|lds_bytes'
sed -E -e "s/\"($facts)\": \"?[0-9a-f.]+\"?/\"\1\": VALUE/" -e 's/^ +(64|128|256|512),$/      THREADS,/' *.json
