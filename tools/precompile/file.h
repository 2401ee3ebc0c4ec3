/* Whole files in and out. */
#ifndef AITER_PRECOMPILE_FILE_H
#define AITER_PRECOMPILE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FILE_ERROR_MAX = 512, FILE_PATH_MAX = 4096 };

/* Reads a file, or standard input for "-", of at most `limit` bytes. *data is on the heap and has a
 * NUL behind its *size bytes. Memory follows what is there, not what a file claims to be. A caught
 * signal ends the reading. */
bool file_read(const char *path, size_t limit, char **data, size_t *size,
               char error[FILE_ERROR_MAX]);

/* A file that is complete under its name or not there: written beside and renamed. */
typedef struct file_out {
    int fd;
    char path[FILE_PATH_MAX], temporary[FILE_PATH_MAX];
} file_out;

bool file_create(file_out *out, const char *path, mode_t mode, char error[FILE_ERROR_MAX]);
bool file_write(file_out *out, const void *data, size_t size, char error[FILE_ERROR_MAX]);
/* Either of these ends it; commit replaces a file of that name. */
bool file_commit(file_out *out, char error[FILE_ERROR_MAX]);
void file_abandon(file_out *out);

#endif
