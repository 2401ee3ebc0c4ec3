#!/bin/sh
# test_readme_example.sh AWK README OUT CC FLAGS...: the first C block of the README compiles without a warning, nothing
# added to it. It is written to OUT.
set -eu
awk=$1
readme=$2
out=$3
shift 3
"$awk" '/^```c$/ { inside = 1; next } /^```/ && inside { exit } inside' "$readme" > "$out"
if ! grep -q aiter_flash_attn_func "$out"; then
    echo "$readme: no C example found: expected a block that starts with \`\`\`c and calls aiter_flash_attn_func"
    exit 1
fi
if ! "$@" -std=c11 -Wall -Wextra -Werror -fsyntax-only "$out"; then
    echo "$readme: the C example does not compile (see above; line numbers are those of $out)"
    exit 1
fi
