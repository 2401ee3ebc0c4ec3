/* Loaded kernels by configuration: read without locks on every call, added to rarely, never removed
 * from. */
#ifndef AITER_RUNTIME_TABLE_H
#define AITER_RUNTIME_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "runtime/kernel.h"

typedef struct rt_table_slots rt_table_slots;

/* Zero-initialised: empty. */
typedef struct rt_table {
    _Atomic(rt_table_slots *) slots;
} rt_table;

/* NULL: not in the table. Any thread, any time. */
rt_kernel *rt_table_find(const rt_table *table, const gen_config *config);

/* Adds a kernel whose configuration is not in the table; the table owns it. One thread at a time.
 * false: out of memory, and the kernel stays the caller's. */
bool rt_table_add(rt_table *table, rt_kernel *kernel);

/* Calls fn for each kernel, then releases the table. Nobody else may be using it. */
void rt_table_clear(rt_table *table, void (*fn)(void *user, rt_kernel *kernel), void *user);

#endif
