#include "tools/precompile/report.h"

#include <stdio.h>

#include "tools/json.h"
#include "tools/precompile/signals.h"

static const char *const state_names[] = {
    [OUTCOME_NOT_RUN] = "not run", [OUTCOME_COMPILED] = "compiled", [OUTCOME_CACHED] = "cached",
    [OUTCOME_FAILED] = "failed",
};

static void put_invalid(json_object *o, const selection *s)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < s->num_invalid; i++) {
        json_object *item = json_object_new_object();
        json_put_text(item, "configuration", s->invalid[i].text);
        json_put_text(item, "reason", s->invalid[i].why);
        json_object_array_add(list, item);
    }
    json_object_object_add(o, "invalid", list);
}

static void put_lacking(json_object *o, const selection *s)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < s->num_lacking; i++) {
        json_object *item = json_object_new_object();
        json_put_text(item, "model", s->lacking[i].model);
        json_put_text(item, "need", s->lacking[i].what);
        json_put_text(item, "reason", s->lacking[i].why);
        json_object_array_add(list, item);
    }
    json_object_object_add(o, "unsupported", list);
}

/* null: the whole. */
static void put_shard(json_object *o, const selection *s)
{
    json_object *shard = s->num_shards ? json_object_new_object() : NULL;

    if (shard) {
        json_put_int(shard, "index", s->shard);
        json_put_int(shard, "count", s->num_shards);
        json_put_int(shard, "configurations_of_all", s->whole);
    }
    json_object_object_add(o, "shard", shard);
}

static json_object *outcome_json(const selected *item, const outcome *out)
{
    json_object *o = json_object_new_object();
    gen_kernel kernel;

    gen_kernel_describe(&item->config, &kernel);
    json_put_text(o, "configuration", item->text);
    json_put_text(o, "symbol", kernel.symbol);
    json_put_text(o, "state", state_names[out->state]);
    if (out->state == OUTCOME_NOT_RUN)
        return o;
    json_put_seconds(o, "seconds", out->ns);
    if (out->state == OUTCOME_FAILED) {
        json_put_text(o, "error", out->error ? out->error : "out of memory");
        return o;
    }
    json_put_seconds(o, "compile_seconds", out->compile_ns);
    json_put_int(o, "code_bytes", out->info.code_bytes);
    json_put_int(o, "vgprs", out->info.vgprs);
    json_put_int(o, "agprs", out->info.agprs);
    json_put_int(o, "sgprs", out->info.sgprs);
    json_put_int(o, "vgpr_spills", out->info.vgpr_spills);
    json_put_int(o, "sgpr_spills", out->info.sgpr_spills);
    json_put_int(o, "lds_bytes", out->info.lds_bytes);
    json_put_int(o, "scratch_bytes", out->info.scratch_bytes);
    return o;
}

void report_selection(const selection *s, bool json)
{
    if (!json) {
        for (size_t i = 0; i < s->count; i++)
            puts(s->items[i].text);
        return;
    }
    json_object *o = json_object_new_object(), *list = json_object_new_array();
    json_put_text(o, "format", "aiter-precompile-1");
    for (size_t i = 0; i < s->count; i++)
        json_object_array_add(list, json_object_new_string(s->items[i].text));
    json_object_object_add(o, "configurations", list);
    put_invalid(o, s);
    put_lacking(o, s);
    put_shard(o, s);
    json_print(o);
}

static json_object *summary_json(const selection *s, const run_result *r)
{
    json_object *o = json_object_new_object();

    json_put_int(o, "configurations", s->count);
    json_put_int(o, "compiled", r->compiled);
    json_put_int(o, "from_cache", r->cached);
    json_put_int(o, "failed", r->failed);
    json_put_int(o, "not_run", r->not_run);
    json_put_int(o, "invalid", s->num_invalid);
    json_put_int(o, "unsupported", s->num_lacking);
    json_put_bool(o, "interrupted", signals_caught() != 0);
    json_put_seconds(o, "seconds", r->ns);
    return o;
}

void report_run(const selection *s, const run_result *r, bool json)
{
    if (!json) {
        if (s->num_shards)
            printf("shard %d/%d, ", s->shard, s->num_shards);
        printf("%zu configurations: %zu compiled, %zu from cache, %zu failed", s->count,
               r->compiled, r->cached, r->failed);
        if (r->not_run)
            printf(", %zu not run", r->not_run);
        printf(" (%.2f s)\n", 1e-9 * (double)r->ns);
        return;
    }
    json_object *o = json_object_new_object(), *list = json_object_new_array();
    json_put_text(o, "format", "aiter-precompile-1");
    for (size_t i = 0; i < s->count; i++)
        json_object_array_add(list, outcome_json(&s->items[i], &r->outcomes[i]));
    json_object_object_add(o, "configurations", list);
    put_invalid(o, s);
    put_lacking(o, s);
    put_shard(o, s);
    json_object_object_add(o, "summary", summary_json(s, r));
    json_print(o);
}
