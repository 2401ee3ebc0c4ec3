#include "runtime/steps.h"

#include "runtime/launch.h"
#include "runtime/splits.h"

static bool appends(const rt_problem *p)
{
    return p->config.append;
}

static bool appends_now(const rt_problem *p)
{
    return appends(p) && p->args.seqlen_new > 0 && p->args.batch > 0;
}

static gen_config append_config(const gen_config *config)
{
    gen_config append = *config;
    append.op = GEN_KV_APPEND;
    gen_config_canonicalise(&append);
    return append;
}

static bool computes(const rt_problem *p)
{
    (void)p;
    return true;
}

static bool computes_now(const rt_problem *p)
{
    return !p->empty;
}

static gen_config own_config(const gen_config *config)
{
    return *config;
}

static bool splits(const rt_problem *p)
{
    return p->may_split;
}

static bool splits_now(const rt_problem *p)
{
    return rt_problem_is_split(p) && !p->empty;
}

/* A step of problems of a configuration; whether this problem takes it; its kernel. */
static const struct {
    bool (*has)(const rt_problem *);
    bool (*takes)(const rt_problem *);
    gen_config (*config)(const gen_config *);
} steps[RT_NUM_STEPS] = {
    [RT_APPEND] = { appends, appends_now, append_config },
    [RT_COMPUTE] = { computes, computes_now, own_config },
    [RT_MERGE] = { splits, splits_now, rt_split_merge },
};

static aiter_status get(aiter_context *ctx, const rt_problem *problem, bool all, rt_steps *out)
{
    for (rt_step s = 0; s < RT_NUM_STEPS; s++) {
        rt_kernel *kernel = NULL;
        out->kernel[s] = NULL;
        if (!(all ? steps[s].has(problem) : steps[s].takes(problem)))
            continue;
        gen_config config = steps[s].config(&problem->config);
        aiter_status status = rt_context_kernel(ctx, &config, &kernel);
        if (status != AITER_OK)
            return status;
        out->kernel[s] = kernel;
    }
    return AITER_OK;
}

aiter_status rt_steps_prepare(aiter_context *ctx, const rt_problem *problem, rt_steps *out)
{
    return get(ctx, problem, true, out);
}

aiter_status rt_steps_find(aiter_context *ctx, const rt_problem *problem, rt_steps *out)
{
    return get(ctx, problem, false, out);
}

_Static_assert((int)RT_NUM_STEPS <= (int)RT_MAX_LAUNCHES, "RT_MAX_LAUNCHES is too small");

aiter_status rt_steps_launch(aiter_context *ctx, const rt_steps *with, const rt_problem *problem)
{
    rt_launch_list list = { .count = 0 };
    for (rt_step s = 0; s < RT_NUM_STEPS; s++)
        if (steps[s].takes(problem))
            list.kernels[list.count++] = with->kernel[s];
    return rt_launch(ctx, &list, problem);
}
