/* A context: one device, its arch, the maker of code objects, the kernels that are loaded. */
#ifndef AITER_RUNTIME_CONTEXT_H
#define AITER_RUNTIME_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/hip.h"
#include "runtime/kernel.h"
#include "runtime/maker.h"
#include "runtime/problem.h"
#include "runtime/table.h"

/* A configuration that some thread is loading. On that thread's stack. */
typedef struct rt_pending {
    struct rt_pending *next;
    const gen_config *config;
} rt_pending;

struct aiter_context {
    const rt_hip *hip;
    rt_place place;
    rt_maker *maker;
    rt_table table;
    pthread_mutex_t lock;   /* of pending and of adding to the table */
    pthread_cond_t settled; /* a pending load has ended              */
    rt_pending *pending;
    atomic_uint_fast64_t table_hits, launches;
};

/* The kernel for a configuration: from the table, else loaded, by one thread for all who want it.
 * Errors: UNSUPPORTED (the arch cannot do it), and those of rt_kernel_load(). */
aiter_status rt_context_kernel(aiter_context *ctx, const gen_config *config, rt_kernel **out);

#endif
