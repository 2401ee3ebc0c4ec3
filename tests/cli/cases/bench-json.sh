aiter-bench run flash_attn --device sim:gfx90a --heads 2 --kv-heads 1 --seqlen-q 40 --seqlen-k 64 --head-dim 32 --causal \
    --lse --check --json >json
echo "exit $?"
grep -E '"(format|operation|name|arch|simulated|configuration|pass|reason|seqlen_q|seqlen_k|kv_heads|compiles|layout)"' json
grep -E '"(vgpr_spills|sgpr_spills|scratch_bytes|not_finite|stray_writes|iterations)"' json
grep -oE '"[a-z_]+":' json | sort -u | tr '\n' ' '
echo
