/* The end of a run: a summary for people, or JSON. On stdout. */
#ifndef AITER_PRECOMPILE_REPORT_H
#define AITER_PRECOMPILE_REPORT_H

#include "tools/precompile/run.h"

/* The configurations alone: --dry-run. */
void report_selection(const selection *s, bool json);

void report_run(const selection *s, const run_result *result, bool json);

#endif
