/* Format: "Trace Event Format" (Google, the Catapult project): the JSON object form, complete events
 * (ph X) and metadata events (ph M). Times are microseconds; 0.001 is a cycle, so that viewers, which
 * keep whole nanoseconds, lose nothing. */
#include "tools/profile/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Threads of a CU's process: for each SIMD its units, then the places that its waves took; then the
 * units of the whole CU. None is 0, which viewers take for the idle thread. */
enum { SIMD_TIDS = 64, FIRST_PLACE = 8, MAX_PLACES = SIMD_TIDS - FIRST_PLACE };

typedef struct unit_track {
    const char *name;
    unsigned units;             /* bits of aiter_sim_unit */
    bool of_simd;               /* else of the CU */
} unit_track;

static const unit_track unit_tracks[] = {
    { "matrix unit", 1u << AITER_SIM_UNIT_MFMA, true },
    { "VALU", 1u << AITER_SIM_UNIT_VALU | 1u << AITER_SIM_UNIT_TRANS, true },
    { "LDS", 1u << AITER_SIM_UNIT_LDS, false },
    { "vector memory", 1u << AITER_SIM_UNIT_VMEM, false },
};

enum { NUM_UNIT_TRACKS = sizeof unit_tracks / sizeof *unit_tracks };

/* One wave, and which of its stretches are kept: those that start before `until`. */
typedef struct life {
    const aiter_sim_wave_profile *wave;
    const aiter_sim_event *events;
    size_t num_events;
    uint64_t until;
    unsigned place;
} life;

typedef struct span {
    uint64_t start, end;
    uint32_t inst;
} span;

typedef struct writer {
    FILE *out;
    const aiter_sim_profile *profile;
    uint64_t origin;            /* cycle 0 of the launch in the trace */
    life *lives;                /* by CU, SIMD, start */
    size_t num_lives;
    bool comma;
} writer;

/* ---- JSON ---- */

static void put_string(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

static void begin_event(writer *w, const char *phase, uint32_t cu, unsigned tid)
{
    fprintf(w->out, "%s\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u", w->comma ? "," : "", phase, cu + 1,
            tid);
    w->comma = true;
}

static void put_time(writer *w, const char *key, uint64_t cycles)
{
    fprintf(w->out, ",\"%s\":%llu.%03u", key, (unsigned long long)(cycles / 1000),
            (unsigned)(cycles % 1000));
}

static void begin_span(writer *w, uint32_t cu, unsigned tid, uint64_t start, uint64_t end)
{
    begin_event(w, "X", cu, tid);
    put_time(w, "ts", w->origin + start);
    put_time(w, "dur", end - start);
}

static void name_thing(writer *w, const char *kind, uint32_t cu, unsigned tid, const char *name)
{
    begin_event(w, "M", cu, tid);
    fprintf(w->out, ",\"name\":\"%s\",\"args\":{\"name\":", kind);
    put_string(w->out, name);
    fputs("}}", w->out);
}

static void name_thread(writer *w, uint32_t cu, unsigned tid, const char *name)
{
    name_thing(w, "thread_name", cu, tid, name);
    begin_event(w, "M", cu, tid);
    fprintf(w->out, ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%u}}", tid);
}

static void put_inst(writer *w, const aiter_sim_inst_profile *inst)
{
    fprintf(w->out, ",\"args\":{\"at\":\"0x%llx\",\"inst\":", (unsigned long long)inst->offset);
    put_string(w->out, inst->text);
    fputs("}}", w->out);
}

static void put_mnemonic(writer *w, const aiter_sim_inst_profile *inst)
{
    char name[64];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(inst->text, " "), inst->text);
    fputs(",\"name\":", w->out);
    put_string(w->out, name);
    fprintf(w->out, ",\"cat\":\"%s\"", profile_units[inst->unit].key);
}

/* ---- Waves ---- */

static unsigned simd_tid(uint32_t simd, unsigned thread)
{
    return 1 + simd * SIMD_TIDS + thread;
}

static int compare_lives(const void *a, const void *b)
{
    const life *x = a, *y = b;

    if (x->wave->cu != y->wave->cu)
        return x->wave->cu < y->wave->cu ? -1 : 1;
    if (x->wave->simd != y->wave->simd)
        return x->wave->simd < y->wave->simd ? -1 : 1;
    if (x->wave->start != y->wave->start)
        return x->wave->start < y->wave->start ? -1 : 1;
    return (x->wave > y->wave) - (x->wave < y->wave);
}

static bool collect_lives(writer *w)
{
    const aiter_sim_profile *p = w->profile;
    size_t event = 0;

    w->num_lives = p->num_waves;
    w->lives = calloc(p->num_waves + 1, sizeof *w->lives);
    if (!w->lives)
        return false;
    for (size_t i = 0; i < p->num_waves; i++) {
        life *l = &w->lives[i];
        l->wave = &p->waves[i];
        l->until = UINT64_MAX;
        l->events = p->events + event;
        while (event < p->num_events && p->events[event].wave == i)
            event++;
        l->num_events = (size_t)(p->events + event - l->events);
    }
    qsort(w->lives, w->num_lives, sizeof *w->lives, compare_lives);
    return true;
}

/* Each wave gets the lowest place of its SIMD that is free when it starts. */
static void assign_places(writer *w)
{
    uint64_t ends[MAX_PLACES];

    for (size_t i = 0; i < w->num_lives; i++) {
        life *l = &w->lives[i];
        if (i == 0 || l->wave->cu != l[-1].wave->cu || l->wave->simd != l[-1].wave->simd)
            memset(ends, 0, sizeof ends);
        while (l->place + 1 < MAX_PLACES && ends[l->place] > l->wave->start)
            l->place++;
        ends[l->place] = l->wave->end;
    }
}

static size_t end_of_cu(const writer *w, size_t first)
{
    size_t i = first;

    while (i < w->num_lives && w->lives[i].wave->cu == w->lives[first].wave->cu)
        i++;
    return i;
}

/* ---- What is kept ---- */

static int compare_times(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Keeps the first `max` of the stretches of lives[first..end). */
static bool cut_in_time(writer *w, size_t first, size_t end, size_t total, size_t max)
{
    uint64_t *starts = malloc((total + 1) * sizeof *starts);
    size_t n = 0;

    if (!starts)
        return false;
    for (size_t i = first; i < end; i++)
        for (size_t k = 0; k < w->lives[i].num_events; k++)
            starts[n++] = w->lives[i].events[k].start;
    qsort(starts, n, sizeof *starts, compare_times);
    for (size_t i = first; i < end; i++)
        w->lives[i].until = starts[max];
    free(starts);
    return true;
}

static void keep_before_until(life *l, size_t *kept)
{
    size_t n = 0;

    while (n < l->num_events && l->events[n].start < l->until)
        n++;
    l->num_events = n;
    *kept += n;
}

/* CUs one after the other; the first one for which there is too little room is cut in time, those
 * after it are left out. */
static bool choose(writer *w, size_t max, profile_trace_size *size)
{
    size_t room = max > size->kept ? max - size->kept : 0, end;

    size->total += w->profile->num_events;
    for (size_t first = 0; first < w->num_lives; first = end) {
        size_t total = 0;
        end = end_of_cu(w, first);
        for (size_t i = first; i < end; i++)
            total += w->lives[i].num_events;
        if (room == 0) {
            w->num_lives = first;
            break;
        }
        if (total > room && !cut_in_time(w, first, end, total, room))
            return false;
        room -= total > room ? room : total;
        for (size_t i = first; i < end; i++)
            keep_before_until(&w->lives[i], &size->kept);
    }
    return true;
}

/* ---- Writing ---- */

static void write_wave(writer *w, const life *l)
{
    const aiter_sim_wave_profile *wave = l->wave;
    const unsigned tid = simd_tid(wave->simd, FIRST_PLACE + l->place);

    begin_span(w, wave->cu, tid, wave->start, wave->end);
    fprintf(w->out,
            ",\"name\":\"workgroup %u,%u,%u wave %u\",\"cat\":\"wave\",\"args\":{\"issued\":%llu}}",
            wave->workgroup[0], wave->workgroup[1], wave->workgroup[2], wave->wave,
            (unsigned long long)wave->issued);
    for (size_t i = 0; i < l->num_events; i++) {
        const aiter_sim_event *e = &l->events[i];
        if (e->end <= e->start)
            continue;
        begin_span(w, wave->cu, tid, e->start, e->end);
        if (e->stalled)
            fprintf(w->out, ",\"name\":\"wait: %s\",\"cat\":\"stall\"",
                    profile_stalls[e->reason].label);
        else
            put_mnemonic(w, &w->profile->insts[e->inst]);
        put_inst(w, &w->profile->insts[e->inst]);
    }
}

static int compare_spans(const void *a, const void *b)
{
    const span *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* When the units of `track` were occupied by lives[first..end): from issue for as long as the
 * instruction occupies them, or until the next one. */
static size_t collect_spans(const writer *w, size_t first, size_t end, const unit_track *track,
                            uint32_t simd, span *spans)
{
    size_t n = 0;

    for (size_t i = first; i < end; i++) {
        const life *l = &w->lives[i];
        if (track->of_simd && l->wave->simd != simd)
            continue;
        for (size_t k = 0; k < l->num_events; k++) {
            const aiter_sim_event *e = &l->events[k];
            const aiter_sim_inst_profile *inst = &w->profile->insts[e->inst];
            if (e->stalled || !(track->units >> e->unit & 1) || inst->issued == 0)
                continue;
            spans[n++] = (span){ e->start, e->start + inst->busy_cycles / inst->issued, e->inst };
        }
    }
    qsort(spans, n, sizeof *spans, compare_spans);
    for (size_t i = 0; i + 1 < n; i++)
        if (spans[i].end > spans[i + 1].start)
            spans[i].end = spans[i + 1].start;
    return n;
}

static void write_unit(writer *w, size_t first, size_t end, int index, uint32_t simd, span *spans)
{
    const unit_track *track = &unit_tracks[index];
    const uint32_t cu = w->lives[first].wave->cu, simds = w->profile->simds_per_cu;
    const unsigned tid = simd_tid(track->of_simd ? simd : simds, (unsigned)index);
    const size_t n = collect_spans(w, first, end, track, simd, spans);
    char name[64];

    if (n == 0)
        return;
    if (track->of_simd)
        snprintf(name, sizeof name, "SIMD %u %s", simd, track->name);
    else
        snprintf(name, sizeof name, "%s", track->name);
    name_thread(w, cu, tid, name);
    for (size_t i = 0; i < n; i++) {
        if (spans[i].end <= spans[i].start)
            continue;
        begin_span(w, cu, tid, spans[i].start, spans[i].end);
        put_mnemonic(w, &w->profile->insts[spans[i].inst]);
        fputs("}", w->out);
    }
}

static void name_places(writer *w, size_t first, size_t end)
{
    const uint32_t cu = w->lives[first].wave->cu;
    unsigned named = 0; /* places of the current SIMD */
    char name[64];

    snprintf(name, sizeof name, "CU %u", cu);
    name_thing(w, "process_name", cu, 0, name);
    for (size_t i = first; i < end; i++) {
        const life *l = &w->lives[i];
        if (i == first || l->wave->simd != l[-1].wave->simd)
            named = 0;
        if (l->place < named)
            continue;
        named = l->place + 1;
        snprintf(name, sizeof name, "SIMD %u wave %u", l->wave->simd, l->place);
        name_thread(w, cu, simd_tid(l->wave->simd, FIRST_PLACE + l->place), name);
    }
}

static bool write_cu(writer *w, size_t first, size_t end)
{
    size_t events = 0;

    for (size_t i = first; i < end; i++)
        events += w->lives[i].num_events;
    span *spans = malloc((events + 1) * sizeof *spans);
    if (!spans)
        return false;
    name_places(w, first, end);
    for (int i = 0; i < NUM_UNIT_TRACKS; i++)
        for (uint32_t simd = 0; simd < (unit_tracks[i].of_simd ? w->profile->simds_per_cu : 1); simd++)
            write_unit(w, first, end, i, simd, spans);
    for (size_t i = first; i < end; i++)
        write_wave(w, &w->lives[i]);
    free(spans);
    return true;
}

static bool write_launch(writer *w, size_t max, profile_trace_size *size)
{
    bool ok = collect_lives(w);

    if (ok) {
        assign_places(w);
        ok = choose(w, max, size);
    }
    for (size_t first = 0, end; ok && first < w->num_lives; first = end) {
        end = end_of_cu(w, first);
        ok = write_cu(w, first, end);
    }
    free(w->lives);
    return ok;
}

static uint64_t last_cycle(const aiter_sim_profile *p)
{
    uint64_t last = 0;

    for (size_t i = 0; i < p->num_waves; i++)
        if (p->waves[i].end > last)
            last = p->waves[i].end;
    return last;
}

bool profile_write_trace(FILE *out, const aiter_sim_profile *const launches[], size_t num_launches,
                         size_t max, profile_trace_size *size)
{
    writer w = { .out = out };
    bool ok = true;

    *size = (profile_trace_size){ 0 };
    errno = 0;
    fputs("{\"displayTimeUnit\":\"ns\",\"otherData\":{\"unit\":\"1 ns is 1 cycle\",\"launches\":[", out);
    for (size_t i = 0; i < num_launches; i++) {
        fputs(i ? "," : "", out);
        put_string(out, launches[i]->kernel);
    }
    fputs("]},\"traceEvents\":[", out);
    for (size_t i = 0; i < num_launches && ok; i++) {
        w.profile = launches[i];
        ok = write_launch(&w, max, size);
        w.origin += last_cycle(launches[i]);
    }
    fputs("\n]}\n", out);
    if (!ok)
        errno = ENOMEM;
    return ok && fflush(out) == 0 && !ferror(out);
}
