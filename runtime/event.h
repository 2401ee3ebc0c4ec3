/* The caller's event callback. */
#ifndef AITER_RUNTIME_EVENT_H
#define AITER_RUNTIME_EVENT_H

#include <aiter/aiter.h>

typedef struct rt_listener {
    aiter_event_fn fn; /* NULL: nobody listens */
    void *user;
} rt_listener;

/* Fills in event.size. */
static inline void rt_tell(const rt_listener *listener, aiter_event event)
{
    event.size = sizeof event;
    if (listener->fn)
        listener->fn(listener->user, &event);
}

#endif
