#!/bin/sh
# test_example.sh AWK DOCUMENT OUT CC FLAGS...: the C blocks of the document, one after the other, compile without a warning,
# nothing added to them. They are written to OUT.
set -eu
awk=$1
document=$2
out=$3
shift 3
"$awk" '/^```c$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$document" > "$out"
if ! grep -q aiter_ "$out"; then
    echo "$document: no C example found: expected a block that starts with \`\`\`c and calls the library"
    exit 1
fi
if ! "$@" -std=c11 -Wall -Wextra -Werror -fsyntax-only "$out"; then
    echo "$document: the C examples do not compile (see above; line numbers are those of $out)"
    exit 1
fi
