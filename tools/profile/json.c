#include "tools/profile/profile.h"

#include "tools/json.h"

static json_object *triple_json(const uint32_t values[3])
{
    json_object *list = json_object_new_array();

    for (int i = 0; i < 3; i++)
        json_object_array_add(list, json_object_new_int64(values[i]));
    return list;
}

/* Reasons that took no cycle are left out. */
static json_object *stalls_json(const uint64_t cycles[AITER_SIM_STALL_COUNT])
{
    json_object *o = json_object_new_object();

    for (int i = 0; i < AITER_SIM_STALL_COUNT; i++)
        if (cycles[i])
            json_put_int(o, profile_stalls[i].key, cycles[i]);
    return o;
}

static json_object *prediction_json(const profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    json_object *o = json_object_new_object();

    json_put_number(o, "seconds", p->seconds);
    json_put_number(o, "cycles", p->cycles);
    json_put_number(o, "clock_hz", p->clock_hz);
    json_put_number(o, "sustained_seconds", p->sustained_seconds);
    json_put_number(o, "sustained_clock_hz", p->sustained_clock_hz);
    if (v->need.flop > 0)
        json_put_number(o, "tflops", 1e-12 * profile_share(v->need.flop, p->seconds));
    json_put_number(o, "matrix_tflops", 1e-12 * profile_share(p->matrix_flops, p->seconds));
    json_put_number(o, "matrix_peak_tflops", 1e-12 * p->matrix_peak_flops);
    json_put_number(o, "matrix_flop", p->matrix_flops);
    json_put_number(o, "vector_flop", p->vector_flops);
    json_put_number(o, "instructions", p->instructions);
    return o;
}

static json_object *bound_json(const profile_view *v)
{
    const profile_bound bound = profile_find_bound(v);
    json_object *o = json_object_new_object();

    json_put_text(o, "by", bound.by);
    json_put_text(o, "busiest", bound.busiest->key);
    json_put_number(o, "busy", bound.busy);
    return o;
}

static json_object *busy_json(const aiter_sim_profile *p)
{
    json_object *o = json_object_new_object();

    for (int i = 0; i < AITER_SIM_UNIT_COUNT; i++)
        json_put_number(o, profile_units[i].key, p->busy[i]);
    return o;
}

static json_object *memory_json(const profile_view *v)
{
    json_object *o = json_object_new_object();

    for (int i = 0; i < PROFILE_NUM_LEVELS; i++) {
        const aiter_sim_traffic *t = profile_traffic(v->profile, i);
        json_object *level = json_object_new_object();
        json_put_number(level, "read_bytes", t->read_bytes);
        json_put_number(level, "write_bytes", t->write_bytes);
        json_put_number(level, "hit_rate", t->hit_rate);
        json_put_number(level, "peak_bytes_per_second", t->peak);
        json_put_number(level, "busy", t->busy);
        json_object_object_add(o, profile_levels[i].key, level);
    }
    if (v->need.read_bytes + v->need.write_bytes > 0) {
        json_object *minimum = json_object_new_object();
        json_put_number(minimum, "read_bytes", v->need.read_bytes);
        json_put_number(minimum, "write_bytes", v->need.write_bytes);
        json_object_object_add(o, "minimum", minimum);
    }
    json_put_number(o, "lds_conflict", v->profile->lds_conflict);
    return o;
}

static json_object *occupancy_json(const aiter_sim_profile *p)
{
    json_object *o = json_object_new_object();

    json_put_text(o, "limited_by", p->limited_by ? p->limited_by : "");
    json_put_int(o, "waves_per_simd", p->waves_per_simd);
    json_put_int(o, "workgroups_per_cu", p->workgroups_per_cu);
    json_put_int(o, "waves_per_workgroup", p->waves_per_workgroup);
    json_put_int(o, "cus", p->num_cus);
    json_put_int(o, "simds_per_cu", p->simds_per_cu);
    json_put_int(o, "vgprs", p->vgprs);
    json_put_int(o, "agprs", p->agprs);
    json_put_int(o, "sgprs", p->sgprs);
    json_put_int(o, "lds_bytes", p->lds_bytes);
    json_put_int(o, "scratch_bytes", p->scratch_bytes);
    json_put_number(o, "rounds", p->rounds);
    return o;
}

static json_object *waves_json(const aiter_sim_profile *p)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < p->num_waves; i++) {
        const aiter_sim_wave_profile *w = &p->waves[i];
        json_object *o = json_object_new_object();
        json_object_object_add(o, "workgroup", triple_json(w->workgroup));
        json_put_int(o, "wave", w->wave);
        json_put_int(o, "cu", w->cu);
        json_put_int(o, "simd", w->simd);
        json_put_int(o, "start", w->start);
        json_put_int(o, "end", w->end);
        json_put_int(o, "issued", w->issued);
        json_object_object_add(o, "stalls", stalls_json(w->stall_cycles));
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *instructions_json(const aiter_sim_profile *p)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < p->num_insts; i++) {
        const aiter_sim_inst_profile *inst = &p->insts[i];
        json_object *o = json_object_new_object();
        json_put_int(o, "offset", inst->offset);
        json_put_text(o, "text", inst->text);
        json_put_text(o, "unit", profile_units[inst->unit].key);
        json_put_int(o, "issued", inst->issued);
        json_put_int(o, "busy", inst->busy_cycles);
        json_put_int(o, "lds_conflict", inst->lds_conflict_cycles);
        json_put_int(o, "bytes", inst->bytes);
        json_put_int(o, "lines", inst->lines);
        json_object_object_add(o, "stalls", stalls_json(inst->stall_cycles));
        json_object_array_add(list, o);
    }
    return list;
}

json_object *profile_json(const profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    json_object *o = json_object_new_object();

    json_put_text(o, "kernel", p->kernel);
    json_put_text(o, "arch", p->arch);
    json_object_object_add(o, "grid", triple_json(p->grid));
    json_object_object_add(o, "block", triple_json(p->block));
    json_put_int(o, "workgroups", p->workgroups);
    json_put_int(o, "simulated_workgroups", p->simulated_workgroups);
    json_object_object_add(o, "prediction", prediction_json(v));
    json_object_object_add(o, "bound", bound_json(v));
    json_object_object_add(o, "busy", busy_json(p));
    json_object_object_add(o, "memory", memory_json(v));
    json_object_object_add(o, "occupancy", occupancy_json(p));
    json_object_object_add(o, "instructions", instructions_json(p));
    json_object_object_add(o, "waves", waves_json(p));
    return o;
}
