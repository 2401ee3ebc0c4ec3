#!/bin/sh
# test_api_script.sh AWK SCRIPT DIR: what the script makes of a small header, and which headers it refuses. DIR is
# scratch.
set -eu
awk=$1
script=$2
mkdir -p "$3"
cd "$3"

fail() {
    echo "$1"
    exit 1
}

cat > good.h << 'END'
/* demo: a library.
 *
 * Conventions
 *   - Everything that can fail returns a demo_status.
 */
#ifndef DEMO_H
#define DEMO_H
#include <stddef.h>

/* ---- First things --------------------------------------------------------------------------------------- */

/* How it went, a
 * 2nd line.
 *
 *   DEMO_OK  well (see demo_run)  */
typedef enum demo_status {
    DEMO_OK = 0, /* not; the end */
    DEMO_BAD = 1
} demo_status;

/* ---- Running -------------------------------------------------------------------------------------------- */

/* About all of them: a * and `x_y`, "DEMO_OK: <well>". */

/* Runs demo_fn.
 * Errors: BAD, HIP_LOST (a NULL). HIP stays. */
AITER_API demo_status demo_run(const char *text,
                               size_t count);

/* Called back. */
typedef void (*demo_fn)(void *user);
#define DEMO_INIT \
    { 0 }
#endif
END
cat > expected.md << 'END'
<!-- Made by scripts/api-reference.awk from include/aiter/aiter.h: edit the comments there. -->

# C API

demo: a library.

## Conventions

- Everything that can fail returns a [`demo_status`](#demo_status).

## Contents

- [First things](#first-things)
  - [`demo_status`](#demo_status)
- [Running](#running)
  - [`demo_run`](#demo_run)
  - [`demo_fn, DEMO_INIT`](#demo_fn-demo_init)

## First things

### demo_status

```c
typedef enum demo_status {
    DEMO_OK = 0, /* not; the end */
    DEMO_BAD = 1
} demo_status;
```

How it went, a
2nd line.

```text
DEMO_OK  well (see demo_run)
```

## Running

About all of them: a `*` and `x_y`, "DEMO\_OK: \<well\>".

### demo_run

```c
demo_status demo_run(const char *text,
                               size_t count);
```

Runs [`demo_fn`](#demo_fn-demo_init).
Errors: `BAD`, `HIP_LOST` (a NULL). HIP stays.

### demo_fn, DEMO_INIT

```c
typedef void (*demo_fn)(void *user);
#define DEMO_INIT \
    { 0 }
```

Called back.

END
"$awk" -f "$script" good.h > made.md || fail "good.h was refused"
diff -u expected.md made.md || fail "good.h gives another page than expected"

# refused HEADER MESSAGE: the script ends with an error that contains MESSAGE.
refused() {
    printf "$1" > bad.h
    if "$awk" -f "$script" bad.h > /dev/null 2> log; then
        fail "accepted, but expected \"$2\": $1"
    fi
    grep -q "$2" log || fail "expected the message \"$2\", found: $(cat log)"
}

intro='/* demo. */\n\n/* ---- One ---- */\n\n'
refused "${intro}int demo_a(void);\n" "bad.h:5: demo_a has no comment"
refused "${intro}/* A. */\n\nint demo_a(void);\n" "bad.h:7: demo_a has no comment"
refused "${intro}/* A. */\nint demo_a(void);\n\n/* Whose? */\n\n" "bad.h:8: a comment that documents no declaration"
refused "${intro}/* A. */\nint demo_a(void\n" "a declaration without an end"
refused "${intro}/* A.\n" "a comment without an end"
refused "/* demo. */\n\n/* A. */\nint demo_a(void);\n" "demo_a comes before the first section"
refused "#include <stddef.h>\n" "expected a comment that introduces the library"
