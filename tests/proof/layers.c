/* Contexts with a user cache and a read-only system cache, either of which is damaged, removed or
 * made unreadable between requests, under every policy. A request never fails for it, and never
 * gets wrong code; offline it may be told that the kernel is not cached. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aiter/aiter.h>

#include "tests/proof/library.h"
#include "tests/proof/proof.h"
#include "tests/runtime/fixture.h"

static const int head_dims[] = {64, 128, 192};
enum { DIMS = sizeof head_dims / sizeof *head_dims };

typedef struct layers {
    library l;
    char system[300];
    size_t code_bytes[DIMS];
} layers;

static aiter_status prepare(const aiter_context_options *options, int dim, aiter_kernel_info *info)
{
    aiter_context *ctx;
    aiter_plan *plan = NULL;
    input in;

    *info = (aiter_kernel_info){.size = sizeof *info};
    input_init_dim(&in, head_dims[dim]);
    aiter_status status = aiter_context_create(&ctx, options);
    if (status != AITER_OK)
        return status;
    status = aiter_prepare(ctx, &in.args, &plan);
    if (status == AITER_OK)
        status = aiter_plan_info(plan, info);
    aiter_plan_destroy(plan);
    aiter_context_destroy(ctx);
    return status;
}

/* A new context each time, so that nothing is loaded yet. */
static void prepare_and_count(scene *s, aiter_cache_policy policy, int dim)
{
    layers *y = s->own;
    aiter_context_options options = library_options(&y->l);
    aiter_kernel_info info;

    options.cache_policy = policy;
    options.system_cache_dirs = y->system;
    double began = proof_seconds();
    aiter_status status = prepare(&options, dim, &info);
    if (proof_seconds() - began > 2 * LIMIT_S)
        proof_note(s, BLOCKED, "aiter_prepare took %.1f s", proof_seconds() - began);
    else if (policy == AITER_CACHE_OFFLINE && status == AITER_ERROR_NOT_CACHED)
        proof_note(s, MISS, "offline");
    else if (status != AITER_OK)
        proof_note(s, BROKEN, "aiter_prepare: %s", aiter_last_error());
    else if (info.code_bytes != y->code_bytes[dim])
        proof_note(s, WRONG, "%zu bytes of code", info.code_bytes);
    else
        proof_note(s, RIGHT, "%d", head_dims[dim]);
}

bool layers_setup(scene *s)
{
    layers *y = calloc(1, sizeof *y);
    aiter_kernel_info info;

    s->own = y;
    library_init(s, &y->l, false);
    snprintf(y->system, sizeof y->system, "%s/system", s->root);
    fixture_reset_hip(&y->l.fake);
    for (int d = 0; d < DIMS; d++) {
        aiter_context_options options = library_options(&y->l);
        options.cache_policy = AITER_CACHE_MEMORY;
        if (prepare(&options, d, &info) != AITER_OK) {
            fprintf(stderr, "%s\n", aiter_last_error());
            exit(1);
        }
        y->code_bytes[d] = info.code_bytes;
    }
    return true;
}

/* Both caches anew: what a user warms is copied to be the system's. */
static void fill_layers(scene *s)
{
    layers *y = s->own;
    aiter_context_options options = library_options(&y->l);
    aiter_kernel_info info;

    proof_empty(y->system);
    proof_empty(y->l.cache);
    for (int place = 0; place < 2; place++)
        for (int d = place; d < DIMS; d++) {
            options.cache_dir = place ? y->l.cache : y->system;
            options.system_cache_dirs = ":";
            options.cache_policy = AITER_CACHE_READ_WRITE;
            if (prepare(&options, d, &info) != AITER_OK)
                proof_note(s, BROKEN, "aiter_prepare: %s", aiter_last_error());
        }
}

static void hurt(scene *s, const char *dir)
{
    static const char *const names[] = {"code.lmdb", "lock", "used"};
    char path[400];

    snprintf(path, sizeof path, "%s/%s", dir, names[proof_draw(s, 8) < 6 ? 0 : proof_draw(s, 3)]);
    switch (proof_draw(s, 5)) {
    case 0: (void)!truncate(path, (off_t)proof_draw(s, 40000)); break;
    case 1: unlink(path); break;
    case 2: proof_empty(dir); break;
    case 3: chmod(dir, proof_draw(s, 2) ? 0777 : 0700); break;
    default: proof_scribble(s, path, 16);
    }
    proof_detail(s);
}

void layers_round(scene *s)
{
    layers *y = s->own;

    if (s->round % 4 == 0)
        fill_layers(s);
    hurt(s, proof_draw(s, 3) ? y->system : y->l.cache);
    for (int i = 0; i < 3; i++)
        prepare_and_count(s, (aiter_cache_policy)(1 + proof_draw(s, 4)), (int)proof_draw(s, DIMS));
    chmod(y->system, 0700);
    chmod(y->l.cache, 0700);
}
