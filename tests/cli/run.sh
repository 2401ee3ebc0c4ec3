#!/bin/bash
# Runs one command-line test: cases/NAME.sh, whose output must be cases/NAME.out.
#
#     run.sh BUILD_DIR NAME            compares
#     run.sh --update BUILD_DIR NAME   writes NAME.out anew: read the difference before committing it
#
# A script runs in an empty folder of its own with the tools in PATH. `t COMMAND...` prints the command, what it
# says (stderr too) and its exit status. Times and the folder's name are replaced, see filter().
set -u

update=
if [ "$1" = --update ]; then
    update=1
    shift
fi
build=$(realpath "$1")
name=$2
cases=$(realpath "$(dirname "$0")")/cases
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
work=$top/work
mkdir "$work"

filter()
{
    sed -E -e "s#$work#WORK#g" \
        -e "s#$build#BUILD#g" \
        -e 's/\(([0-9]+\.[0-9]+) s\)/(TIME)/g' \
        -e 's/[0-9]+\.[0-9]{3} ms/TIME/g' |
        sed -zE 's/\[\n *\]/[]/g' # json-c before 0.18 breaks the line in an empty array
}

run_case()
{
    cd "$work" || exit 1
    env -i PATH="$build/bin:$PATH" HOME="$work" LC_ALL=C BUILD="$build" SOURCE="$cases/../../.." \
        AITER_COMPILER="$build/bin/aiter-compiler" AITER_CACHE_DIR="$work/cache" AITER_SIM_QUIET=1 \
        ASAN_OPTIONS="${ASAN_OPTIONS-}" \
        bash -c '. "$0"; . "$1"' "$cases/../t.sh" "$cases/$name.sh" </dev/null 2>&1 | filter
}

if grep -q '^# needs: a terminal' "$cases/$name.sh" && ! script -qec true /dev/null >/dev/null 2>&1; then
    echo "$name: skipped, no pseudo-terminal can be had here"
    exit 77
fi
if grep -q '^# needs: zsh' "$cases/$name.sh" && ! command -v zsh >/dev/null; then
    echo "$name: skipped, zsh is not installed"
    exit 77
fi
if [ -n "$update" ]; then
    run_case >"$cases/$name.out"
    exit
fi
run_case >"$top/output"
diff -u --label "$name.out" --label "output" "$cases/$name.out" "$top/output"
