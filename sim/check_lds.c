/* LDS: bytes that nothing wrote, bytes that a load is still on its way to, and accesses of two
 * waves that no barrier orders. Barriers are the only order between waves that counts, so accesses
 * of different waves are unordered when both waves have passed the same number of barriers; also
 * when the first is a write that its wave had not waited for (lgkmcnt) when it came to the barrier,
 * which does not wait itself. */
#include <stdio.h>

#include "sim/check_state.h"

static bool conflicts(const check_access *earlier, const check_access *now)
{
    return earlier->epoch == now->epoch && earlier->wave != now->wave &&
           !(earlier->atomic && now->atomic);
}

static bool unsettled(const sim_wave *w, const check_access *write, const check_access *now)
{
    return write->epoch && write->wave != now->wave && !(write->atomic && now->atomic) &&
           write->number > w->check->waves[write->wave].lds_settled;
}

static void race(sim_wave *w, const check_access *now, uint32_t address, bool write,
                 const check_access *earlier, bool earlier_write)
{
    sim_finding(w, now->inst, now->lane, address,
                "race: %s LDS byte %u, which wave %u lane %u %s with \"%s\" at 0x%llx; %s",
                write ? "writes" : "reads", address, earlier->wave, earlier->lane,
                earlier_write ? "writes" : "reads", earlier->inst->text,
                check_pc(w, earlier->inst),
                earlier->epoch == now->epoch ? "no barrier between"
                                             : "not waited for before the barrier");
}

static void find_race(sim_wave *w, const check_byte *b, const check_access *now, uint32_t address,
                      bool write)
{
    if (conflicts(&b->write, now) || unsettled(w, &b->write, now))
        race(w, now, address, write, &b->write, true);
    else if (write && conflicts(&b->read, now))
        race(w, now, address, true, &b->read, false);
    else if (write && conflicts(&b->other_read, now))
        race(w, now, address, true, &b->other_read, false);
}

static void record(check_byte *b, const check_access *now, bool write)
{
    if (write) {
        b->write = *now;
        return;
    }
    if (b->read.epoch && b->read.wave != now->wave)
        b->other_read = b->read;
    b->read = *now;
}

/* A load to LDS that its wave has not waited for. */
static bool on_its_way(const sim_wave *w, const check_byte *b)
{
    const sim_check *check = w->check;

    return b->landing && b->landing > check->waves[b->write.wave].vm_done;
}

static bool find_unwaited(sim_wave *w, const sim_inst *inst, const check_byte *b, unsigned lane,
                          uint32_t address)
{
    const sim_check *check = w->check;

    if (!(check->checks & SIM_CHECK_WAIT) || !on_its_way(w, b))
        return false;
    if (check->current->to_lds && b->write.wave == w->index) /* they land in order */
        return false;
    sim_finding(w, inst, (int)lane, address,
                "wait: LDS byte %u is used while wave %u has not waited for \"%s\" at 0x%llx, "
                "which fills it (vmcnt)",
                address, b->write.wave, b->write.inst->text, check_pc(w, b->write.inst));
    return true;
}

static bool find_unwritten(sim_wave *w, const sim_inst *inst, const check_byte *b, unsigned lane,
                           uint32_t address)
{
    if (!(w->check->checks & SIM_CHECK_UNINIT) || b->written)
        return false;
    sim_finding(w, inst, (int)lane, address, "uninit: reads LDS byte %u, which nothing wrote",
                address);
    return true;
}

static void access_byte(sim_wave *w, const check_access *now, uint32_t address, bool write,
                        bool defined)
{
    sim_check *check = w->check;
    check_byte *b = &check->lds[address];

    if (find_unwaited(w, now->inst, b, now->lane, address))
        return;
    if ((!write || now->atomic) && find_unwritten(w, now->inst, b, now->lane, address))
        return;
    if (check->checks & SIM_CHECK_RACE)
        find_race(w, b, now, address, write);
    record(b, now, write);
    if (write) {
        b->written = defined;
        b->landing = check->current->to_lds ? w->vm_issued : 0;
    }
}

void sim_check_lds_access(sim_wave *w, const sim_inst *inst, unsigned lane, uint32_t address,
                          unsigned size, bool write)
{
    const check_wave *cw = check_of(w);
    const check_access now = {.inst = inst,
                              .epoch = cw->barriers + 1,
                              .wave = (uint8_t)w->index,
                              .lane = (uint8_t)lane,
                              .atomic = w->check->current->atomic,
                              .number = w->check->current->unit == USAGE_LDS ? cw->lds_issued + 1
                                                                             : 0};

    for (unsigned i = 0; i < size && w->state != SIM_FAULTED; i++)
        access_byte(w, &now, address + i, write || now.atomic, !(cw->data_undefined >> lane & 1));
}

/* The bytes change now, whatever other waves have done since the load was issued. */
void sim_check_landed(sim_wave *w, const sim_landing *load)
{
    sim_check *check = w->check;

    for (unsigned l = 0; l < SIM_LANES; l++) {
        if (!(load->lanes >> l & 1))
            continue;
        for (unsigned i = 0; i < load->pitch && w->state != SIM_FAULTED; i++) {
            uint32_t address = load->address + l * load->pitch + i;
            check_byte *b = &check->lds[address];
            if (b->write.wave != w->index || b->landing != load->number)
                continue;
            b->landing = 0;
            b->write.epoch = check_of(w)->barriers + 1;
            if (check->checks & SIM_CHECK_RACE)
                find_race(w, b, &b->write, address, true);
        }
    }
}
