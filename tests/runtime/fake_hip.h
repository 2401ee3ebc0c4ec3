/* A HIP runtime for tests: it runs nothing, records what it is asked for, and fails on request. The
 * tests and the library share one instance, because both dlopen() the same file. */
#ifndef TESTS_FAKE_HIP_H
#define TESTS_FAKE_HIP_H

#include <stddef.h>
#include <stdint.h>

enum { FAKE_MAX_DEVICES = 4, FAKE_MAX_ARGS = 512 };

typedef struct fake_launch {
    char kernel[256];
    unsigned grid[3], block[3], shared_bytes;
    void *stream;
    int device; /* current on the launching thread */
    size_t args_size;
    unsigned char args[FAKE_MAX_ARGS];
} fake_launch;

typedef struct fake_hip {
    /* set by the test */
    char fail_call[64]; /* this call fails ...                               */
    int fail_error;     /* ... with this error ...                           */
    int fail_skip;      /* ... after so many that succeed                    */
    int device_count;
    char arch[FAKE_MAX_DEVICES][256];
    int quick; /* launches record nothing: for measuring            */
    /* set by the runtime */
    int live_modules, loads, launches;
    int set_device_calls;
    fake_launch last;
} fake_hip;

/* Exported by the library under this name. */
fake_hip *fake_hip_state(void);

#endif
