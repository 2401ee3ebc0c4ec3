/* A profile made by hand: two CUs, three workgroups of four waves (one for each SIMD), seven
 * instructions. The third workgroup follows the first one on CU 4. */
#ifndef PROFILE_FIXTURE_H
#define PROFILE_FIXTURE_H

#include "sim/aiter_sim.h"

enum { FIXTURE_INSTS = 7, FIXTURE_WAVES = 12, FIXTURE_EVENTS = 2 * FIXTURE_INSTS * FIXTURE_WAVES };

/* Static storage, made anew by each call: a test may change it. */
aiter_sim_profile *fixture_profile(void);

#endif
