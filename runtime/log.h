/* The caller's log callback. */
#ifndef AITER_RUNTIME_LOG_H
#define AITER_RUNTIME_LOG_H

#include <aiter/aiter.h>

typedef struct rt_logger {
    aiter_log_fn fn; /* NULL: silent */
    void *user;
} rt_logger;

/* Formats only if somebody listens. Messages have any length and no newline at the end. */
void rt_log(const rt_logger *logger, aiter_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
