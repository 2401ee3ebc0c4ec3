/* A system call fails: an I/O error, no space, no quota, no descriptor, no memory, no lock. The
 * call of the store says so or goes on without; nothing that was stored changes. */
#include <errno.h>

#include "tests/proof/proof.h"

bool io_setup(scene *s) { return proof_fill(s); }

static void plan_fault(scene *s)
{
    static const struct {
        unsigned calls;
        int errors[3];
    } likely[] = {
        {CALL_READ, {EIO, EIO, ESTALE}},        {CALL_WRITE, {EIO, ENOSPC, EDQUOT}},
        {CALL_MAP, {ENOMEM, ENOMEM, ENODEV}},   {CALL_OPEN, {EMFILE, ENFILE, EIO}},
        {CALL_LOCK, {ENOLCK, ENOLCK, EIO}},     {CALL_MEMORY, {ENOMEM, ENOMEM, ENOMEM}},
    };
    uint32_t i = proof_draw(s, sizeof likely / sizeof *likely);

    s->fault = (planned_fault){proof_draw(s, 3) ? FAULT_FAIL : FAULT_SHORT, likely[i].calls,
                               likely[i].errors[proof_draw(s, 3)],
                               1 + (int)proof_draw(s, likely[i].calls == CALL_READ ? 30 : 8)};
}

static void call_something(scene *s, uint32_t k)
{
    switch (proof_draw(s, 8)) {
    case 0: proof_visit(s, s->store); break;
    case 1: proof_fly(s, s->store, k, 1000); break;
    case 2: cache_close(proof_open(s)); break;
    case 3: proof_look_known(s, k); break;
    default: proof_store_known(s, k, 20 + proof_draw(s, 30000)); break;
    }
}

void io_round(scene *s)
{
    uint32_t k = proof_draw(s, KEYS);

    plan_fault(s);
    call_something(s, k);
    s->fault.kind = FAULT_NONE;
    proof_expect(s, k);
    for (int i = 0; i < 4; i++)
        proof_expect(s, proof_draw(s, KEYS));
    if (proof_was_set_aside(s))
        proof_note(s, BROKEN, "a sound data file was set aside");
    if (s->round % 16 == 0 && !proof_store_known(s, k, 100))
        proof_note(s, BROKEN, "the store after the fault was refused");
}
