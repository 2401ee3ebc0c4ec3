/* Where aiter-compiler is. */
#ifndef AITER_HELPER_LOCATE_H
#define AITER_HELPER_LOCATE_H

/* Heap path of the program that would be started, in this order: `program`; $AITER_COMPILER; beside
 * or relative to the library or program that this code is linked into (its own folder, ../bin as in
 * the build tree, ../libexec/aiter, ../../libexec/aiter for lib/TRIPLET); the path configured at
 * build time. The last one is returned even if nothing is there, so that a message can name it.
 * NULL: out of memory. */
char *helper_locate(const char *program);

#endif
