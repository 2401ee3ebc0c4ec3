#!/bin/sh
# test_example.sh AWK DOCUMENT OUT CC FLAGS...: the first C block of the document compiles without a warning, nothing
# added to it. It is written to OUT.
set -eu
awk=$1
document=$2
out=$3
shift 3
"$awk" '/^```c$/ { inside = 1; next } /^```/ && inside { exit } inside' "$document" > "$out"
if ! grep -q aiter_ "$out"; then
    echo "$document: no C example found: expected a block that starts with \`\`\`c and calls the library"
    exit 1
fi
if ! "$@" -std=c11 -Wall -Wextra -Werror -fsyntax-only "$out"; then
    echo "$document: the C example does not compile (see above; line numbers are those of $out)"
    exit 1
fi
