/* Tables of instructions, and the annotated disassembly. */
#include "tools/profile/text.h"

#include <stdlib.h>
#include <string.h>

/* What most of the cycles at an instruction went into, and its part of them; -1: issuing it. */
static int main_reason(const profile_view *v, const aiter_sim_inst_profile *inst, double *share)
{
    const double cycles = profile_inst_cycles(v, inst);
    const double issuing = cycles - profile_inst_stalled(inst);
    const int reason = profile_inst_reason(inst);
    const double stalled = reason < 0 ? 0 : (double)inst->stall_cycles[reason];

    *share = profile_share(stalled > issuing ? stalled : issuing, cycles);
    return stalled > issuing ? reason : -1;
}

/* ---- Instructions ---- */

static void print_hottest(FILE *out, const profile_view *v, size_t top)
{
    fputs("\nhottest instructions, by the cycles that waves were at them\n"
          "  cycles    issued  mostly                   at  instruction\n", out);
    for (size_t i = 0; i < v->num_hottest && i < top; i++) {
        const aiter_sim_inst_profile *inst = &v->profile->insts[v->hottest[i].index];
        double share;
        const int reason = main_reason(v, inst, &share);
        const int used = fprintf(out, "  %5.1f%% %9llu  %-14s %3.0f%% %7llx  ",
                                 100 * profile_share(v->hottest[i].value, v->lifetime),
                                 (unsigned long long)inst->issued,
                                 reason < 0 ? "issuing" : profile_stalls[reason].label, 100 * share,
                                 (unsigned long long)inst->offset);
        text_put_line(out, used, inst->text);
    }
}

static double conflict_metric(const profile_view *v, const aiter_sim_inst_profile *inst)
{
    (void)v;
    return (double)inst->lds_conflict_cycles;
}

static bool print_conflicts(FILE *out, const profile_view *v, size_t top)
{
    size_t count;
    profile_rank *ranks = profile_rank_by(v, conflict_metric, &count);

    if (!ranks)
        return false;
    fprintf(out, "\nLDS bank conflicts: %.1f %% of the cycles in which the LDS was busy\n",
            100 * v->profile->lds_conflict);
    if (count)
        fputs("  conflict  an issue   of its busy       at  instruction\n", out);
    for (size_t i = 0; i < count && i < top; i++) {
        const aiter_sim_inst_profile *inst = &v->profile->insts[ranks[i].index];
        const int used = fprintf(out, "%10.0f %9.1f %12.1f%% %8llx  ", ranks[i].value,
                                 profile_share(ranks[i].value, (double)inst->issued),
                                 100 * profile_share(ranks[i].value, (double)inst->busy_cycles),
                                 (unsigned long long)inst->offset);
        text_put_line(out, used, inst->text);
    }
    free(ranks);
    return true;
}

static double line_metric(const profile_view *v, const aiter_sim_inst_profile *inst)
{
    (void)v;
    return (double)inst->lines;
}

static bool print_lines(FILE *out, const profile_view *v, size_t top)
{
    size_t count;
    profile_rank *ranks = profile_rank_by(v, line_metric, &count);
    char bytes[24];

    if (!ranks)
        return false;
    if (count)
        fputs("\nglobal memory, by 128-byte lines touched\n"
              "     lines  an issue        bytes  of the lines      at  instruction\n", out);
    for (size_t i = 0; i < count && i < top; i++) {
        const aiter_sim_inst_profile *inst = &v->profile->insts[ranks[i].index];
        const int used = fprintf(out, "%10.0f %9.1f %12s %12.1f%% %7llx  ", ranks[i].value,
                                 profile_share(ranks[i].value, (double)inst->issued),
                                 text_si(bytes, (double)inst->bytes, "B"),
                                 100 * profile_share((double)inst->bytes, 128 * ranks[i].value),
                                 (unsigned long long)inst->offset);
        text_put_line(out, used, inst->text);
    }
    free(ranks);
    return true;
}

/* ---- Runs ---- */

/* Instructions that follow each other and are issued equally often: a loop's body, or a part of it
 * without branches. */
typedef struct run {
    size_t first, end;          /* of the profile's insts */
    double cycles;
    unsigned units[AITER_SIM_UNIT_COUNT];
    double matrix_cycles;       /* for which the matrix unit is occupied */
} run;

static run take_run(const profile_view *v, size_t first)
{
    const aiter_sim_profile *p = v->profile;
    run r = { .first = first, .end = first };

    for (; r.end < p->num_insts && p->insts[r.end].issued == p->insts[first].issued; r.end++) {
        const aiter_sim_inst_profile *inst = &p->insts[r.end];
        r.cycles += profile_inst_cycles(v, inst);
        r.units[inst->unit]++;
        if (inst->unit == AITER_SIM_UNIT_MFMA)
            r.matrix_cycles += (double)inst->busy_cycles;
    }
    return r;
}

static int compare_runs(const void *a, const void *b)
{
    const run *x = a, *y = b;

    if (x->cycles != y->cycles)
        return x->cycles < y->cycles ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

static void print_run(FILE *out, const profile_view *v, const run *r)
{
    const aiter_sim_inst_profile *first = &v->profile->insts[r->first], *last = first;
    const double passes = (double)first->issued;

    last += r->end - r->first - 1;
    fprintf(out, "  %5.1f%% %9.0f %8.0f %8.0f  %4u %5u %4u %4u %4u %6u %5u  %llx-%llx\n",
            100 * profile_share(r->cycles, v->lifetime), passes, r->cycles / passes,
            r->matrix_cycles / passes, r->units[AITER_SIM_UNIT_MFMA], r->units[AITER_SIM_UNIT_VALU],
            r->units[AITER_SIM_UNIT_TRANS], r->units[AITER_SIM_UNIT_LDS],
            r->units[AITER_SIM_UNIT_VMEM],
            r->units[AITER_SIM_UNIT_SALU] + r->units[AITER_SIM_UNIT_SMEM],
            r->units[AITER_SIM_UNIT_OTHER], (unsigned long long)first->offset,
            (unsigned long long)last->offset);
}

/* Runs that take at least 1 % of the cycles. */
static bool print_runs(FILE *out, const profile_view *v, size_t top)
{
    const aiter_sim_profile *p = v->profile;
    run *runs = malloc((p->num_insts + 1) * sizeof *runs);
    size_t count = 0;

    if (!runs)
        return false;
    for (size_t i = 0; i < p->num_insts; i = runs[count++].end)
        runs[count] = take_run(v, i);
    qsort(runs, count, sizeof *runs, compare_runs);
    fputs("\nruns of instructions that are issued equally often; cycles of a wave\n"
          "  cycles    passes   a pass   matrix  mfma  valu  exp  lds  mem scalar other  at\n", out);
    for (size_t i = 0; i < count && i < top && runs[i].cycles >= 0.01 * v->lifetime; i++)
        if (p->insts[runs[i].first].issued)
            print_run(out, v, &runs[i]);
    free(runs);
    return true;
}

bool text_tables(FILE *out, const profile_view *v, size_t top)
{
    print_hottest(out, v, top);
    return print_runs(out, v, top) && print_conflicts(out, v, top) && print_lines(out, v, top);
}

/* ---- Annotated disassembly ---- */

/* Broken between operands; what follows the first line is indented. */
static void put_wrapped(FILE *out, int column, const char *text)
{
    int left = PROFILE_WIDTH - column;

    while ((int)strlen(text) > left) {
        int size = left;
        while (size > 0 && text[size - 1] != ' ')
            size--;
        if (size == 0)
            break;
        fprintf(out, "%.*s\n%*s", size - 1, text, column + 4, "");
        text += size;
        left = PROFILE_WIDTH - column - 4;
    }
    fprintf(out, "%s\n", text);
}

/* Reasons and shares only where there is something to see. */
static void annotate(FILE *out, const profile_view *v, const aiter_sim_inst_profile *inst, bool hot)
{
    const double stalled = profile_inst_stalled(inst);
    const double of_all = profile_share(profile_inst_cycles(v, inst), v->lifetime);
    int column = fprintf(out, "%c %6llx ", hot ? '>' : ' ', (unsigned long long)inst->offset);
    double share;
    const int reason = main_reason(v, inst, &share);

    if (inst->issued)
        column += fprintf(out, "%8llu %6.1f ", (unsigned long long)inst->issued,
                          stalled / (double)inst->issued);
    else
        column += fprintf(out, "%8s %6s ", "-", "");
    if (of_all >= 0.0005)
        column += fprintf(out, "%5.1f%%  ", 100 * of_all);
    else
        column += fprintf(out, "%8s", "");
    if (reason >= 0)
        column += fprintf(out, "%-9s %3.0f  ", profile_stalls[reason].key, 100 * share);
    else
        column += fprintf(out, "%15s", "");
    put_wrapped(out, column, inst->text);
}

bool profile_annotate(FILE *out, const profile_view *v, int top)
{
    const aiter_sim_profile *p = v->profile;
    bool *hot = calloc(p->num_insts + 1, sizeof *hot);

    if (!hot)
        return false;
    for (size_t i = 0; i < v->num_hottest && i < (size_t)top; i++)
        hot[v->hottest[i].index] = true;
    fprintf(out, "\ninstructions in order of address; > the %d hottest; stall: cycles before each "
                 "issue\n      at   issued  stall cycles  mostly      %%  instruction\n", top);
    for (size_t i = 0; i < p->num_insts; i++)
        annotate(out, v, &p->insts[i], hot[i]);
    free(hot);
    return true;
}
