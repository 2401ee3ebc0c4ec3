#include "tools/profile/text.h"

#include <string.h>

enum { BAR = 40, MAX_COLUMNS = 8 };

/* ---- Pieces ---- */

static void put_bar(FILE *out, double share)
{
    const int filled = share <= 0 ? 0 : share >= 1 ? BAR : (int)(share * BAR + 0.5);

    for (int i = 0; i < BAR; i++)
        putc(i < filled ? '#' : '.', out);
}

/* ---- The head ---- */

static void print_launch(FILE *out, const aiter_sim_profile *p)
{
    fputs("  kernel     ", out);
    text_put_line(out, 13, p->kernel);
    fprintf(out, "             grid %u x %u x %u workgroups of %u x %u x %u\n", p->grid[0], p->grid[1],
            p->grid[2], p->block[0], p->block[1], p->block[2]);
    fprintf(out, "  simulated  %llu of %llu workgroups, %zu waves\n",
            (unsigned long long)p->simulated_workgroups, (unsigned long long)p->workgroups,
            p->num_waves);
}

/* Of the FLOP that the operation needs, or else of those that were issued to the matrix units. */
static double rate_of(const profile_view *v, double seconds)
{
    return profile_share(v->need.flop > 0 ? v->need.flop : v->profile->matrix_flops, seconds);
}

static void print_prediction(FILE *out, const profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    const double rate = rate_of(v, p->seconds);

    fprintf(out, "  predicted  %.4g ms, %.0f cycles at %.2f GHz", 1e3 * p->seconds, p->cycles,
            1e-9 * p->clock_hz);
    if (rate > 0)
        fprintf(out, ", %.1f TFLOP/s", 1e-12 * rate);
    if (rate > 0 && p->matrix_peak_flops > 0)
        fprintf(out, ", %.1f %% of matrix peak %.0f", 100 * rate / p->matrix_peak_flops,
                1e-12 * p->matrix_peak_flops);
    putc('\n', out);
}

/* One launch after the other, where power is the limit. */
static void print_sustained(FILE *out, const profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    const double rate = rate_of(v, p->sustained_seconds);

    if (rate > 0 && p->sustained_clock_hz < 0.999 * p->clock_hz)
        fprintf(out, "  sustained  %.4g ms, %.1f TFLOP/s at %.2f GHz, which the power limit leaves\n",
                1e3 * p->sustained_seconds, 1e-12 * rate, 1e-9 * p->sustained_clock_hz);
}

static void print_work(FILE *out, const profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    char instructions[24], matrix[24], vector[24];

    fprintf(out, "  issued     %s instructions, %s matrix, %s vector",
            text_si(instructions, p->instructions, ""), text_si(matrix, p->matrix_flops, "FLOP"),
            text_si(vector, p->vector_flops, "FLOP"));
    if (v->need.flop > 0 && p->matrix_flops > 0)
        fprintf(out, "; matrix %.3g times the needed", p->matrix_flops / v->need.flop);
    putc('\n', out);
}

/* The two reasons that waves are stalled for most. */
static void print_main_stalls(FILE *out, const profile_view *v)
{
    profile_rank order[AITER_SIM_STALL_COUNT];

    profile_rank_stalls(v, order);
    for (int i = 0; i < 2 && order[i].value > 0; i++)
        fprintf(out, "%s %s %.0f %%", i ? "," : "; waves wait for:",
                profile_stalls[order[i].index].label,
                100 * profile_share(order[i].value, v->lifetime));
}

static void print_bound(FILE *out, const profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    const profile_bound bound = profile_find_bound(v);

    fprintf(out, "  bound by   %s", bound.by == bound.busiest->key ? bound.busiest->label : bound.by);
    if (bound.by == bound.busiest->key)
        fprintf(out, ", busy %.1f %%", 100 * bound.busy);
    else if (strcmp(bound.by, "grid") == 0)
        fprintf(out, ": %llu workgroups on %u CUs", (unsigned long long)p->workgroups, p->num_cus);
    else
        fprintf(out, ": busiest %s, %.1f %%", bound.busiest->label, 100 * bound.busy);
    print_main_stalls(out, v);
    putc('\n', out);
}

static void print_head(FILE *out, const profile_view *v)
{
    print_launch(out, v->profile);
    print_prediction(out, v);
    print_sustained(out, v);
    print_work(out, v);
    print_bound(out, v);
}

/* ---- Units ---- */

static void print_busy_row(FILE *out, const char *label, double busy)
{
    fprintf(out, "  %-18s %5.1f %%  ", label, 100 * busy);
    put_bar(out, busy);
    putc('\n', out);
}

static void print_busy(FILE *out, const aiter_sim_profile *p)
{
    static const struct { aiter_sim_unit unit; const char *label; } rows[] = {
        { AITER_SIM_UNIT_MFMA, "matrix" },
        { AITER_SIM_UNIT_VALU, "VALU" },
        { AITER_SIM_UNIT_TRANS, "  exp, rcp, ..." },
        { AITER_SIM_UNIT_LDS, "LDS" },
        { AITER_SIM_UNIT_VMEM, "vector memory" },
        { AITER_SIM_UNIT_SALU, "scalar" },
        { AITER_SIM_UNIT_SMEM, "scalar memory" },
    };
    char label[32];

    fputs("\nbusy, of all CUs over the launch\n", out);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        print_busy_row(out, rows[i].label, p->busy[rows[i].unit]);
    for (int i = 0; i < PROFILE_NUM_LEVELS; i++) {
        snprintf(label, sizeof label, "%s bandwidth", profile_levels[i].label);
        print_busy_row(out, label, profile_traffic(p, i)->busy);
    }
}

/* ---- Waves ---- */

/* What the waves with an index in one range of their workgroup's spent. */
typedef struct wave_column {
    double waves, lifetime, issuing, stalls[AITER_SIM_STALL_COUNT];
} wave_column;

static void add_wave(wave_column *c, const aiter_sim_wave_profile *w)
{
    c->waves++;
    c->lifetime += (double)(w->end - w->start);
    c->issuing += (double)(w->end - w->start);
    for (int r = 0; r < AITER_SIM_STALL_COUNT; r++) {
        c->stalls[r] += (double)w->stall_cycles[r];
        c->issuing -= (double)w->stall_cycles[r];
    }
}

static void print_wave_row(FILE *out, const char *label, const wave_column *columns, int count,
                           size_t offset)
{
    fprintf(out, "  %-16s", label);
    for (int i = 0; i < count; i++) {
        const double cycles = *(const double *)((const char *)&columns[i] + offset);
        fprintf(out, " %7.1f%%", 100 * profile_share(cycles, columns[i].lifetime));
    }
    putc('\n', out);
}

static bool worth_a_row(const wave_column *columns, int count, size_t reason)
{
    for (int i = 0; i < count; i++)
        if (columns[i].stalls[reason] >= 0.005 * columns[i].lifetime && columns[i].lifetime > 0)
            return true;
    return false;
}

static void print_wave_head(FILE *out, const wave_column *columns, int count, int per_column)
{
    char label[24];

    fputs("\nwaves, by index in the workgroup\n                      mean", out);
    for (int i = 0; i + 1 < count; i++) {
        const int first = i * per_column;
        if (per_column == 1)
            snprintf(label, sizeof label, "%d", first);
        else
            snprintf(label, sizeof label, "%d-%d", first, first + per_column - 1);
        fprintf(out, " %8s", label);
    }
    fprintf(out, "\n  %-16s", "cycles");
    for (int i = 0; i < count; i++)
        fprintf(out, " %8.0f", profile_share(columns[i].lifetime, columns[i].waves));
    putc('\n', out);
}

/* Column 0 is the mean; the others stand for one wave of the workgroup each, or for several. */
static void print_waves(FILE *out, const profile_view *v)
{
    const aiter_sim_profile *p = v->profile;
    const int waves = p->waves_per_workgroup ? (int)p->waves_per_workgroup : 1;
    const int per_column = (waves + MAX_COLUMNS - 1) / MAX_COLUMNS;
    const int count = 1 + (waves + per_column - 1) / per_column;
    wave_column columns[1 + MAX_COLUMNS] = { 0 };
    profile_rank order[AITER_SIM_STALL_COUNT];

    for (size_t i = 0; i < p->num_waves; i++) {
        const int index = (int)p->waves[i].wave / per_column;
        add_wave(&columns[0], &p->waves[i]);
        if (index + 1 < count)
            add_wave(&columns[1 + index], &p->waves[i]);
    }
    profile_rank_stalls(v, order);
    print_wave_head(out, columns, count, per_column);
    print_wave_row(out, "issuing", columns, count, offsetof(wave_column, issuing));
    for (int i = 0; i < AITER_SIM_STALL_COUNT; i++)
        if (worth_a_row(columns, count, order[i].index))
            print_wave_row(out, profile_stalls[order[i].index].label, columns, count,
                           offsetof(wave_column, stalls) + order[i].index * sizeof(double));
}

/* ---- Memory and occupancy ---- */

static void print_minimum(FILE *out, const profile_view *v)
{
    const aiter_sim_traffic *hbm = &v->profile->hbm;
    const double minimum = v->need.read_bytes + v->need.write_bytes;
    char read[24], written[24];

    if (minimum > 0)
        fprintf(out, "  %-8s %10s %10s           inputs and outputs once; HBM moves %.3g times that\n",
                "minimum", text_si(read, v->need.read_bytes, "B"),
                text_si(written, v->need.write_bytes, "B"),
                (hbm->read_bytes + hbm->write_bytes) / minimum);
}

static void print_level(FILE *out, const profile_view *v, int level)
{
    const aiter_sim_traffic *t = profile_traffic(v->profile, level);
    const double rate = profile_share(t->read_bytes + t->write_bytes, v->profile->seconds);
    char read[24], written[24], achieved[24], peak[24], hits[16] = "";

    if (t != &v->profile->hbm) /* which has everything */
        snprintf(hits, sizeof hits, "%.1f%%", 100 * t->hit_rate);
    fprintf(out, "  %-8s %10s %10s %7s   %s of %s\n", profile_levels[level].label,
            text_si(read, t->read_bytes, "B"), text_si(written, t->write_bytes, "B"), hits,
            text_si(achieved, rate, "B/s"), text_si(peak, t->peak, "B/s"));
}

static void print_memory(FILE *out, const profile_view *v)
{
    fprintf(out, "\n%-10s %10s %10s %7s   achieved of peak\n", "memory", "read", "written", "hits");
    for (int i = 0; i < PROFILE_NUM_LEVELS; i++)
        print_level(out, v, i);
    print_minimum(out, v);
}

static void print_limit(FILE *out, const aiter_sim_profile *p)
{
    const char *limit = p->limited_by ? p->limited_by : "nothing";

    fprintf(out, "limited by ");
    if (strcmp(limit, "vgprs") == 0)
        fprintf(out, "registers\n");
    else if (strcmp(limit, "lds") == 0)
        fprintf(out, "LDS\n");
    else if (strcmp(limit, "grid") == 0)
        fprintf(out, "the grid\n");
    else
        fprintf(out, "the most %s that fit\n", limit);
}

static void print_occupancy(FILE *out, const aiter_sim_profile *p)
{
    const double full = profile_share(p->rounds, (double)(uint64_t)(p->rounds + 0.999999));

    fprintf(out, "\noccupancy    %u waves a SIMD, %u workgroups of %u waves a CU, ", p->waves_per_simd,
            p->workgroups_per_cu, p->waves_per_workgroup);
    print_limit(out, p);
    fprintf(out,
            "             %u VGPRs, %u AGPRs, %u SGPRs; LDS %u bytes a workgroup, scratch %u a lane\n",
            p->vgprs, p->agprs, p->sgprs, p->lds_bytes, p->scratch_bytes);
    fprintf(out,
            "             %llu workgroups on %u CUs: %.2f rounds, which fill %.0f %% of the places\n",
            (unsigned long long)p->workgroups, p->num_cus, p->rounds, 100 * full);
}

bool profile_print(FILE *out, const profile_view *v, int top)
{
    print_head(out, v);
    print_busy(out, v->profile);
    print_waves(out, v);
    print_memory(out, v);
    print_occupancy(out, v->profile);
    return text_tables(out, v, (size_t)top);
}
