#include "runtime/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void rt_log(const rt_logger *logger, aiter_log_level level, const char *format, ...)
{
    if (!logger->fn)
        return;
    char *message = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&message, format, args);
    va_end(args);
    if (length < 0)
        return;
    logger->fn(logger->user, level, message);
    free(message);
}
