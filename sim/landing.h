/* Loads that write LDS directly are asynchronous: their data are there when the wave has waited for
 * them by vmcnt, not before. They land as late as that allows: at an s_waitcnt that needs them the
 * wave stops, the other waves run on to where they have to stop, and then the data arrive. So a
 * kernel that reads LDS without having waited sees the old contents, and one that starts a load
 * while its other waves have still some reads of that place before them sees what it sees on the
 * hardware, where a load takes hundreds of cycles. */
#ifndef SIM_LANDING_H
#define SIM_LANDING_H

#include "sim/wave.h"

/* The data of one load: lane l's `pitch` bytes are for address + l * pitch. */
struct sim_landing {
    uint64_t number; /* of the memory instruction, counted like vmcnt counts them */
    uint64_t lanes;
    uint32_t address, pitch;
    uint8_t data[SIM_LANES][16];
};

/* The next load under way, to be filled before sim_landing_add() counts it. */
sim_landing *sim_landing_next(sim_wave *w);
void sim_landing_add(sim_wave *w);

/* Whether a wait for all but the last `outstanding` memory instructions has something to wait for.
 */
bool sim_landing_due(const sim_wave *w, unsigned outstanding);

/* Writes to LDS what such a wait waits for. */
void sim_landing_finish(sim_wave *w, unsigned outstanding);

#endif
