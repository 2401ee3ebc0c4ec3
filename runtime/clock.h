#ifndef AITER_RUNTIME_CLOCK_H
#define AITER_RUNTIME_CLOCK_H

#include <stdint.h>

uint64_t rt_now_ns(void); /* monotonic */

#endif
