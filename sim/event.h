/* Events: the last place in a stream that was recorded. */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include "sim/queue.h"

typedef struct ihipEvent_t sim_event;

/* HIP_ERROR_INVALID_HANDLE: not an event, or of another device than the stream's. */
hip_error sim_event_record(sim_event *event, sim_stream *stream);

#endif
