#!/bin/sh
# test_api_reference.sh AWK: docs/api.md is what scripts/api-reference.awk makes of the header.
set -eu
awk=$1
cd "$(dirname "$0")/../.."
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$awk" -f scripts/api-reference.awk include/aiter/aiter.h > "$made"
if ! diff -u docs/api.md "$made"; then
    echo "docs/api.md is not what the comments of include/aiter/aiter.h make. In the source tree, run:"
    echo "    awk -f scripts/api-reference.awk include/aiter/aiter.h > docs/api.md"
    exit 1
fi
