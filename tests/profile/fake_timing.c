/* The simulator, but its timing model says the fixture of every launch: for tests of the tool that do
 * not depend on the model. FAKE_LAUNCHES: how many profiles there are, default 1. */
#include <stdlib.h>

#include "tests/profile/fixture.h"

static int left;

AITER_SIM_API int aiterSimSetTiming(aiter_sim_timing mode, int trace)
{
    const char *launches = getenv("FAKE_LAUNCHES");

    (void)mode, (void)trace;
    left = launches ? atoi(launches) : 1;
    return 0;
}

AITER_SIM_API aiter_sim_profile *aiterSimTakeProfile(void)
{
    return left-- > 0 ? fixture_profile() : NULL;
}

AITER_SIM_API void aiterSimFreeProfile(aiter_sim_profile *profile)
{
    (void)profile;
}
