/* AITER_RECORD: the configurations that were asked for, as a manifest. */
#ifndef AITER_RUNTIME_RECORDER_H
#define AITER_RUNTIME_RECORDER_H

#include "runtime/log.h"

/* Appends `config` and a newline to `path` in one write, the first time that this process comes
 * with both. Cannot fail: what goes wrong is a warning. Thread-safe, without a lock. */
void rt_record(const char *path, const char *config, const rt_logger *log);

#endif
