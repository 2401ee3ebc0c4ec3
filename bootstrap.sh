#!/bin/bash
# From a fresh checkout to a working build.
#
#   ./bootstrap.sh          build, warm a kernel cache, run attention on a simulated GPU
#   ./bootstrap.sh test     build, run the tests
#
# Installs missing Debian packages if run by root, and names them otherwise. Takes ROCm's run-time
# compiler from the system if it is there, else from Debian's packages unpacked into a private
# prefix (scripts/fetch-rocm.sh).
#
# AITER_BUILD_DIR     default build/
# AITER_ROCM_PREFIX   private prefix, default .rocm/
# ROCM_PATH           a ROCm installation to use instead
set -euo pipefail
cd "$(dirname "$0")"

build=${AITER_BUILD_DIR:-build}
rocm_prefix=$(realpath -m "${AITER_ROCM_PREFIX:-.rocm}")
log=$build/bootstrap.log
jobs=$(nproc)

packages=(gcc libc6-dev cmake ninja-build pkg-config liblmdb-dev libcmocka-dev libsodium-dev libxxhash-dev
          libdlpack-dev libjson-c-dev libzstd-dev)

usage()
{
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
}

# ---- Steps: one line each, with the time taken; output goes to the log ----

now_ms()
{
    echo $(($(date +%s%N) / 1000000))
}

seconds_since()
{
    local ms=$(($(now_ms) - $1))
    printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# step NAME TEXT COMMAND...
step()
{
    local name=$1 text=$2 start first status=0
    shift 2
    start=$(now_ms)
    first=$(($(wc -l <"$log") + 3)) # of this step's output
    printf '%-10s %s ... ' "$name" "$text"
    printf '\n==== %s: %s\n' "$name" "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null || status=$?
    if [ $status -ne 0 ]; then
        printf 'failed (%s)\n\n' "$(seconds_since "$start")"
        tail -n "+$first" "$log" | tail -n 40
        printf '\nThe whole log: %s\n' "$log"
        exit 1
    fi
    printf 'done (%s)\n' "$(seconds_since "$start")"
}

note()
{
    local name=$1
    shift
    printf '%-10s %s\n' "$name" "$*"
}

# ---- Packages ----

missing_packages()
{
    local package status
    for package in "${packages[@]}"; do
        # shellcheck disable=SC2016 # the ${...} is dpkg-query's
        status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) || true
        [ "$status" = installed ] || printf '%s ' "$package"
    done
}

install_packages()
{
    # A third-party source that is down need not stop Debian's packages from being installed.
    apt-get --quiet update || echo "apt-get update failed; going on with the lists that are there"
    DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends install "$@"
}

ensure_packages()
{
    local missing
    if ! command -v dpkg-query >/dev/null; then
        note packages "not a Debian system: expecting the equivalents of ${packages[*]}"
        return
    fi
    missing=$(missing_packages)
    missing=${missing% }
    if [ -z "$missing" ]; then
        note packages "all ${#packages[@]} are installed"
    elif [ "$(id -u)" -eq 0 ]; then
        # shellcheck disable=SC2086 # a list of words
        step packages "installing $missing" install_packages $missing
    else
        note packages "missing: $missing"
        printf '\nInstall them, or run this once as root:\n\n'
        printf '    sudo apt-get install --no-install-recommends %s\n' "$missing"
        exit 1
    fi
}

# ---- ROCm ----

# has_hiprtc LIBDIR: hiprtc 6 or later, and comgr.
has_hiprtc()
{
    local file version
    compgen -G "$1/libamd_comgr.so.*" >/dev/null || return 1
    for file in "$1"/libhiprtc.so.*; do
        version=${file##*/libhiprtc.so.}
        [[ ${version%%.*} =~ ^[0-9]+$ ]] && [ "${version%%.*}" -ge 6 ] && return 0
    done
    return 1
}

# Prints the root of a usable system ROCm; "/usr" is the distribution's.
system_rocm()
{
    local root lib
    for root in ${ROCM_PATH:+"$ROCM_PATH"} /opt/rocm; do
        has_hiprtc "$root/lib" && echo "$root" && return
    done
    for lib in /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib; do
        has_hiprtc "$lib" && echo /usr && return
    done
    return 1
}

ensure_rocm()
{
    local root
    if [ -z "${AITER_ROCM_PREFIX:-}" ] && root=$(system_rocm); then
        note rocm "using the one in $root"
        rocm_prefix=$root
        [ "$root" = /usr ] && rocm_prefix=
    elif has_hiprtc "$rocm_prefix/usr/lib/x86_64-linux-gnu" || has_hiprtc "$rocm_prefix/lib"; then
        note rocm "using the one in $rocm_prefix"
    elif [ -z "${AITER_ROCM_PREFIX:-}" ] && [ -n "${ROCM_PATH:-}" ]; then
        note rocm "ROCM_PATH=$ROCM_PATH: expected lib/libhiprtc.so.6 or later and" \
             "lib/libamd_comgr.so.* there"
        exit 1
    else
        step rocm "fetching Debian's packages into $rocm_prefix" \
             scripts/fetch-rocm.sh "$rocm_prefix"
    fi
}

# ---- Build ----

configure()
{
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
          "-DAITER_ROCM_PREFIX=$rocm_prefix"
}

build()
{
    step configure "in $build" configure
    step build "with $jobs jobs" ninja -C "$build" -j "$jobs"
}

# ---- Main job and tests ----

main_job()
{
    local cache=$build/demo-cache
    note warm "compiling attention kernels for gfx942 into $cache"
    "$build/bin/aiter-precompile" --arch gfx942 --dtype bf16 --head-dim 64,128 --mask none,causal \
        --gqa 1,8 --cache-dir "$cache"
    note attention "on a simulated MI300X, cold and warm"
    rm -rf "$build/demo-cold-cache"
    "$build/bin/example-flash-attn" --sim gfx942 --cache-dir "$build/demo-cold-cache"
}

# "PASSED FAILED SKIPPED" of a JUnit report that ctest wrote; nothing if it ran no test.
count_tests()
{
    awk -F'"' '/<testsuite/ { inside = 1 }
        inside {
            for (i = 1; i < NF; i += 2) {
                if ($i ~ /[ \t]tests=$/) tests = $(i + 1)
                if ($i ~ /[ \t]failures=$/) failed = $(i + 1)
                if ($i ~ /[ \t](skipped|disabled)=$/) skipped += $(i + 1)
            }
        }
        inside && /\/?>/ { exit }
        END { if (tests > 0) print tests - failed - skipped, failed + 0, skipped + 0 }' "$1"
}

# The last line is for programs that read test results: the counts are ctest's own.
run_tests()
{
    local status=0 report counts passed failed skipped
    report=$(realpath "$build")/ctest.xml
    rm -f "$report"
    ctest --test-dir "$build" --output-on-failure --parallel "$jobs" --output-junit "$report" \
        </dev/null || status=$?
    counts=$(count_tests "$report") || true
    if [ -z "$counts" ]; then
        echo "ctest ran no test"
        exit 1
    fi
    read -r passed failed skipped <<<"$counts"
    [ "$failed" -eq 0 ] || status=1
    printf '%d passed, %d failed' "$passed" "$failed"
    [ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
    printf '\n'
    exit $status
}

case ${1:-} in
'' | test) ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac

mkdir -p "$build"
: >"$log"
ensure_packages
ensure_rocm
build
if [ "${1:-}" = test ]; then
    run_tests
else
    main_job
fi
