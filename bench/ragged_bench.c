/* One launch for a ragged batch, as continuous batching makes them, under the simulator's timing model: each kernel's
 * predicted time, with every workgroup simulated, and how evenly they were dealt out.
 *
 *   bench-ragged [DEVICE] [NUM_SPLITS] [BATCH] [HEADS_KV]      sim:gfx942; 0: chosen, 1: none; mixed; 1
 *
 * Batches: mixed, a sequence that decodes over 32,768 keys, 31 that decode over 64 to 1,024, two chunks of 512 tokens of
 * prompts of 1,536; decode, the same without the chunks; speculative, 8 sequences of 16 tokens over 8,192 keys; prefill,
 * 8 prompts of 512. 8 query heads on each KV head of 128 (one: a model of 64 and 8 on 8 GPUs), bf16, causal, pages of 16.
 * Tests check results; here nothing is looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/trial.h"

/* Sequences of one kind: query tokens, and keys from `keys` on in steps of `step`. */
typedef struct kind {
    int count, tokens, keys, step;
} kind;

enum { MAX_KINDS = 3, MAX_BATCH = 64, ROOM = 32 };

static const struct {
    const char *name;
    kind kinds[MAX_KINDS];
} batches[] = {
    { "mixed", { { 1, 1, 32768, 0 }, { 31, 1, 64, 32 }, { 2, 512, 1536, 0 } } },
    { "decode", { { 1, 1, 32768, 0 }, { 31, 1, 64, 32 } } },
    { "speculative", { { 8, 16, 8192, 0 } } },
    { "prefill", { { 8, 512, 512, 0 } } },
};
enum { NUM_BATCHES = sizeof batches / sizeof *batches };

static int fail(const char *what)
{
    fprintf(stderr, "bench-ragged: %s\n", what);
    return 1;
}

static void print_profile(const aiter_sim_profile *p)
{
    double busy = 0, last = 0, slots = (double)p->num_cus * p->workgroups_per_cu;
    for (size_t i = 0; i < p->num_waves; i++) {
        busy += (double)(p->waves[i].end - p->waves[i].start) / p->waves_per_workgroup;
        last = (double)p->waves[i].end > last ? (double)p->waves[i].end : last;
    }
    printf("%-90s %6.1f us, %llu workgroups, HBM read %.1f MB, written %.1f\n", p->kernel, p->seconds * 1e6,
           (unsigned long long)p->workgroups, p->hbm.read_bytes * 1e-6, p->hbm.write_bytes * 1e-6);
    printf("  last wave ends after %.0f cycles; workgroups' cycles over %.0f places: %.0f\n", last, slots,
           busy / slots);
}

int main(int argc, char **argv)
{
    static int lengths_q[MAX_BATCH], lengths_k[MAX_BATCH];
    int batch = 0, most_q = 0, most_k = 0, chosen = 0;
    char error[DEVICE_ERROR_MAX];
    aiter_context_options options = AITER_CONTEXT_OPTIONS_INIT;
    aiter_context *ctx;
    device *d;
    trial *t;
    for (int i = 0; argc > 3 && i < NUM_BATCHES; i++)
        chosen = strcmp(argv[3], batches[i].name) == 0 ? i : chosen;
    for (const kind *k = batches[chosen].kinds; k < batches[chosen].kinds + MAX_KINDS; k++)
        for (int i = 0; i < k->count; i++, batch++) {
            lengths_q[batch] = k->tokens;
            lengths_k[batch] = k->keys + i * k->step;
            most_q = lengths_q[batch] > most_q ? lengths_q[batch] : most_q;
            most_k = lengths_k[batch] > most_k ? lengths_k[batch] : most_k;
        }
    const int heads_kv = argc > 4 ? atoi(argv[4]) : 1;
    trial_spec spec = { .dtype = NUM_BF16, .batch = batch, .heads = 8 * heads_kv, .heads_kv = heads_kv,
                        .blank = true, .seqlen_q = most_q,
                        .seqlen_k = most_k, .hdqk = 128, .hdv = 128, .causal = true, .seed = 1,
                        .operation = TRIAL_CU, .block_size = 16, .lengths_q = lengths_q,
                        .lengths_k = lengths_k, .num_splits = argc > 2 ? atoi(argv[2]) : 0 };
    spec.room = spec.num_splits == 1 ? 0 : ROOM;
    if (device_open(&d, argc > 1 ? argv[1] : "sim:gfx942", error) != DEVICE_OK ||
        !trial_create(&t, d, &spec, error) ||
        !device_set_timing(d, AITER_SIM_TIMING_FULL, false, error))
        return fail(error);
    options.hip_runtime = device_runtime(d);
    options.device = device_ordinal(d);
    if (aiter_context_create(&ctx, &options) != AITER_OK || trial_call(t, ctx) != AITER_OK)
        return fail(aiter_last_error());
    if (!device_sync(d, error))
        return fail(error);
    for (aiter_sim_profile *p; (p = device_take_profile(d)); device_free_profile(d, p))
        print_profile(p);
    trial_destroy(t);
    aiter_context_destroy(ctx);
    device_close(d);
    return 0;
}
