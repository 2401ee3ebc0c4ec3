#include "sim/landing.h"

#include "sim/check.h"

#include <string.h>

static sim_landing *oldest(sim_wave *w) { return &w->landings[w->first_landing]; }

static void land_oldest(sim_wave *w)
{
    const sim_landing *load = oldest(w);

    if (w->check)
        sim_check_landed(w, load);
    for (unsigned l = 0; l < SIM_LANES; l++)
        if (load->lanes >> l & 1)
            memcpy(w->wg->lds + load->address + l * load->pitch, load->data[l], load->pitch);
    w->first_landing = (w->first_landing + 1) % SIM_MAX_LANDINGS;
    w->num_landings--;
}

sim_landing *sim_landing_next(sim_wave *w)
{
    if (w->num_landings == SIM_MAX_LANDINGS) /* the counter cannot count more either */
        land_oldest(w);
    return &w->landings[(w->first_landing + w->num_landings) % SIM_MAX_LANDINGS];
}

void sim_landing_add(sim_wave *w)
{
    sim_landing_next(w)->number = w->vm_issued;
    w->num_landings++;
}

bool sim_landing_due(const sim_wave *w, unsigned outstanding)
{
    return w->num_landings && w->landings[w->first_landing].number + outstanding <= w->vm_issued;
}

void sim_landing_finish(sim_wave *w, unsigned outstanding)
{
    while (sim_landing_due(w, outstanding))
        land_oldest(w);
}
