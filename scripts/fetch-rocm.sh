#!/bin/bash
# Unpacks Debian's ROCm packages (hiprtc, comgr, their LLVM and libraries) into a private prefix.
# The system's packages, sources and apt state stay as they are; root is not needed.
#
#   scripts/fetch-rocm.sh PREFIX
#
# AITER_ROCM_SUITE      Debian suite to take them from, default forky: the first with hiprtc 6
# AITER_DEBIAN_MIRROR   mirror, default: the one that the machine's own apt sources name
#
# PREFIX appears whole, by a rename, or not at all. PREFIX.work holds downloads until then, so that
# an interrupted run is taken up again.
set -euo pipefail

prefix=${1:?usage: fetch-rocm.sh PREFIX}
suite=${AITER_ROCM_SUITE:-forky}
work=$prefix.work
marker=.aiter-packages

# The libraries that aiter-compiler loads; their package names end in the soname's version.
libraries=(libhiprtc libhiprtc-builtins libamd-comgr)
# HIP's headers, which a test compares our own declarations with: the files alone, without what they
# depend on.
headers=(libamdhip64-dev)

die()
{
    printf 'fetch-rocm: %s\n' "$*" >&2
    exit 1
}

complete()
{
    compgen -G "$prefix/usr/lib/*/libhiprtc.so.*" >/dev/null && [ -s "$prefix/$marker" ]
}

# apt itself says what it is configured with: one-line and deb822 sources, and options, come out
# alike.
mirror()
{
    local codename
    if [ -n "${AITER_DEBIAN_MIRROR:-}" ]; then
        echo "$AITER_DEBIAN_MIRROR"
        return
    fi
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # The distribution's own suite first: security and third-party sources carry no other suites.
    # shellcheck disable=SC2016 # the $(...) are apt's
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v codename="$codename" '$2 != "main" { next }
            $1 == codename { print $3; found = 1; exit }
            $1 ~ /^(stable|testing|unstable|sid)$/ && other == "" { other = $3 }
            END { if (!found && other != "") print other }'
}

keyring()
{
    local file
    for file in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
        [ -r "$file" ] && echo "$file" && return
    done
    die "no debian-archive-keyring in /usr/share/keyrings: install the package of this name"
}

# apt's configuration for this prefix alone. How the machine downloads (proxies, timeouts) is taken
# over; hooks, pins and sources are not.
write_config()
{
    local uri key
    uri=$(mirror)
    [ -n "$uri" ] || die "no Debian mirror in apt's sources: set AITER_DEBIAN_MIRROR"
    key=$(keyring)
    mkdir -p "$work"/apt/{lists/partial,archives/partial,parts}
    : >"$work/apt/status"
    echo "deb [signed-by=$key] $uri $suite main" >"$work/apt/sources.list"
    {
        apt-config dump Acquire | grep -v '^Acquire::IndexTargets'
        cat <<EOF
Dir::Etc::Main "$work/apt/none";
Dir::Etc::Parts "$work/apt/parts";
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "$work/apt/parts";
Dir::Etc::Preferences "$work/apt/none";
Dir::Etc::PreferencesParts "$work/apt/parts";
Dir::State "$work/apt";
Dir::State::lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::State::extended_states "$work/apt/extended_states";
Dir::Cache "$work/apt";
Dir::Cache::archives "$work/apt/archives";
Dir::Log "$work/apt";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages { "none"; };
Acquire::Retries "3";
EOF
    } >"$work/apt/apt.conf"
}

# The newest package of each library: as long as the suite moves on, the numbers do.
newest_packages()
{
    local library package
    for library in "${libraries[@]}"; do
        package=$(apt-cache pkgnames "$library" | grep -E "^${library}[0-9]+\$" | sort -V |
                  tail -n 1)
        [ -n "$package" ] ||
            die "the mirror ${AITER_DEBIAN_MIRROR:-of this machine} gave no package $library<N> of $suite"
        echo "$package"
    done
}

unpack()
{
    local deb
    rm -rf "$work/root"
    mkdir "$work/root"
    : >"$work/root/$marker"
    for deb in "$work"/apt/archives/*.deb; do
        dpkg-deb --extract "$deb" "$work/root"
        # shellcheck disable=SC2016 # the ${...} are dpkg-deb's
        dpkg-deb --showformat '${Package} ${Version}\n' --show "$deb" >>"$work/root/$marker"
    done
    rm -rf "$work/root/usr/share/doc" "$work/root/usr/share/locale"
}

install_prefix()
{
    if [ -e "$prefix" ]; then
        rm -rf "$work/old"
        mv "$prefix" "$work/old"
    fi
    mv "$work/root" "$prefix"
    rm -rf "$work"
}

for command in apt-get apt-config dpkg-deb flock awk; do
    command -v $command >/dev/null ||
        die "needs $command, which Debian has; elsewhere set ROCM_PATH to a ROCm with hiprtc"
done
architecture=$(dpkg --print-architecture)
[ "$architecture" = amd64 ] || die "Debian has ROCm for amd64 only, this is $architecture"

# Absolute, because it goes into apt's configuration.
mkdir -p "$(dirname "$prefix")"
prefix=$(cd "$(dirname "$prefix")" && pwd)/$(basename "$prefix")
work=$prefix.work

exec 9>"$prefix.lock"
flock 9
complete && exit 0
# What is there gives way to the new prefix: never something that was not made here.
[ ! -e "$prefix" ] || [ -e "$prefix/$marker" ] || rmdir "$prefix" 2>/dev/null ||
    die "$prefix exists and is no prefix of packages: name another folder, or remove it"

write_config
export APT_CONFIG=$work/apt/apt.conf
apt-get --quiet update
packages=$(newest_packages)
# shellcheck disable=SC2086 # a list of words
apt-get --quiet --yes --download-only install $packages
(cd "$work/apt/archives" && apt-get --quiet download "${headers[@]}")
unpack
install_prefix
complete || die "the packages of $suite hold no libhiprtc"
