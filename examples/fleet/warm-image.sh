#!/bin/sh
# Fills the cache of an image while it is built: warm-image.sh MANIFEST CACHE_DIR
# The cache is checked and then made readable, and not writable, for whichever user the server runs as.
set -eu
aiter-precompile --manifest "$1" --cache-dir "$2"
aiter-precompile verify --cache-dir "$2"
chmod -R a+rX,a-w "$2"
