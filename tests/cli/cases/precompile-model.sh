# What models need: a folder or a file, divided by tensor parallelism; what cannot be done is said, with a status.
mkdir llama
cp $SOURCE/tests/precompile/models/llama-3.1-70b.json llama/config.json
cp $SOURCE/tests/precompile/models/{llava-1.5-7b,llama-4-scout,gpt2}.json .
run="aiter-precompile --dry-run --phase prefill"
t $run --arch gfx942,gfx950 --model llama --tp 8,16
t $run --arch gfx942 --model llama --dtype fp16,fp32 --lse 0,1
t $run --arch gfx942 --model llama --model llava-1.5-7b.json
t $run --arch gfx942 --model llama-4-scout.json
t $run --arch gfx942 --model llama-4-scout.json --json
t $run --arch gfx942 --model llama --tp 7
t $run --arch gfx942 --model gpt2.json
t $run --arch gfx942 --model gpt2.json --dtype fp16
echo '{"num_attention_heads": 8' >cut.json
t $run --arch gfx942 --model cut.json
t $run --arch gfx942 --model nowhere
t $run --arch gfx942 --model .
echo
# Wrong combinations.
t $run --model llama
t $run --arch gfx942 --model llama --head-dim 128
t $run --arch gfx942 --tp 2
t $run --arch gfx942 --model llama --kv-dtype fp8
t $run,decode --arch gfx942 --model llama
t $run --arch gfx942 --model llama --tp 0
t $run --arch gfx942 --model llama --page-size big
t aiter-precompile --dry-run --arch gfx942 --model . --rotary half
t aiter-precompile --dry-run --arch gfx942 --model . --phase append
