# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# What tests/packages, tests/lab, tests/demo and tests/all share: progress, root and packages, the
# sources, and trees.
#
# A tree is a Debian installation made of read-only layers, named top first and joined by colons as
# overlayfs wants them.  One base a suite carries everything: the layer with the compiler, the one
# with our build dependencies, the one with what the tests need, the disk of a lab machine.  A
# layer's name holds a hash of what went into it, so it is made once and made again when that changes.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
store=${RTCBUS_LAB:-$top/_lab}
trees=$store/trees
logs=$store/logs
suites="bookworm trixie"

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Progress ---------------------------------------------------------------------------------------

# failures N LOG: the lines that say which tests have failed, each with N lines before it.
failures() {
    grep -nE -B "$1" '^[ 0-9:#-]*(not ok |FAIL: |ERROR: )|ERROR: [A-Z][a-z]+Sanitizer|runtime error:' \
        "$2" | cut -c 1-300 | head -n 60
}

# show_log FILE: the end of it, and before that what failed, if it is the output of tests.
show_log() {
    {
        failures 6 "$1" && echo "..."
        tail -n 40 "$1"
    } | sed 's/^/    /'
}

# step TEXT COMMAND…: runs COMMAND with its output in a log file and shows that time passes.
step() {
    local text=$1 log start=$SECONDS pid dots=0 status=0
    shift

    log=$logs/step-$(printf '%s' "$text" | tr -cs 'a-zA-Z0-9' '-').log
    mkdir -p "$logs"
    printf '  %s ' "$text"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    trap 'kill_children "$BASHPID"; wait; exit 130' INT TERM
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
        if ((SECONDS - start >= 2 * (dots + 1))); then
            printf '.'
            dots=$((dots + 1))
        fi
    done
    wait "$pid" || status=$?
    trap - INT TERM
    if ((status == 0)); then
        printf ' done (%d s)\n' $((SECONDS - start))
    else
        printf ' failed (%d s)\n' $((SECONDS - start))
        show_log "$log" >&2
        die "'$text' failed; everything it said is in $log"
    fi
}

# Ends all that a process has started, grandchildren first.  A shell script's background jobs do not
# hear Ctrl-C.
kill_children() {
    local child

    for child in $(pgrep --parent "$1"); do
        kill_children "$child"
        kill "$child" 2>/dev/null || true
    done
}

# The host ---------------------------------------------------------------------------------------

# Becomes root by sudo if need be.
require_root() {
    [ "$(id -u)" = 0 ] || exec sudo -- "$0" "$@"
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
    export DEBIAN_FRONTEND=noninteractive
    umask 022
}

host_suite() {
    local name
    # shellcheck source=/dev/null
    name=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
    [[ " $suites " == *" $name "* ]] || name=bookworm
    echo "$name"
}

packages_missing() {
    local package

    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || echo "$package"
    done
}

apt_install() {
    apt-get -o DPkg::Lock::Timeout=300 update
    apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# What every script here needs of the host.  Everything else lives in trees.
require_packages() {
    local missing

    mapfile -t missing < <(packages_missing systemd-container mmdebstrap debian-archive-keyring \
        ca-certificates git iproute2 nftables util-linux procps tar xz-utils)
    ((${#missing[@]} == 0)) || step "installing ${missing[*]}" apt_install "${missing[@]}"
    require_store
}

# An overlay cannot lie on an overlay: where the checkout is on one (in a container, in a machine of
# this very lab), the store is a tmpfs.
require_store() {
    mkdir -p "$store"
    if [ "$(stat --file-system --format=%T "$store")" = overlayfs ]; then
        echo "  $store is on an overlay: mounting a tmpfs there"
        mount -t tmpfs -o mode=0755,size=90% rtcbus "$store"
    fi
    mkdir -p "$trees" "$logs" "$store/packages" "$store/machines"
    [[ $store != *[:,]* ]] || die "overlayfs allows no ':' or ',' in $store; set RTCBUS_LAB"
}

# The sources ------------------------------------------------------------------------------------

# The files of the work tree, committed or not, but nothing that git ignores.
sources_list() {
    git -C "$top" -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
        (cd "$top" && while IFS= read -r -d '' file; do
            if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
        done)
}

sources_tar() {
    tar --create --directory="$top" --null --files-from=- --sort=name --owner=0 --group=0 \
        --numeric-owner "$@"
}

# A hash of all that can change the packages: the scripts around them cannot.
sources_hash() {
    sources_list |
        grep --null-data --invert-match --extended-regexp \
            '^(\.ci/|tests/(lab[a-z-]*|packages|demo|all|spawn|(lib|machines)\.sh)$)' |
        sources_tar --mtime=@0 | hash_stdin
}

hash_stdin() {
    sha256sum | cut -c 1-12
}

# Trees ------------------------------------------------------------------------------------------

# spawn GROUP UPPER LOWER [nspawn option or command…], see tests/spawn.
spawn() {
    local group=$1 scope=()

    if [ -d /run/systemd/system ]; then
        scope=(systemd-run --quiet --scope --collect --property=Delegate=yes
            --unit="$group.scope")
    fi
    exec "${scope[@]}" "$top/tests/spawn" "$@"
}

# Kills what has outlived its systemd-nspawn, and removes the control groups.
spawn_forget() {
    if [ ! -d /run/systemd/system ]; then
        "$top/tests/spawn" --forget "$1"
    elif systemctl --quiet is-active "$1.scope"; then
        systemctl kill --signal=KILL "$1.scope"
        systemctl stop "$1.scope"
    fi
}

# tree_run UPPER TREE [nspawn option or command…]: waits for the command.  The caller's standard
# input is not passed on.
tree_run() (
    group="rtcbus-tree-$BASHPID"
    trap 'trap "" INT TERM; spawn_forget "$group"' EXIT
    spawn "$group" "$1" "$2" --machine="$group" --hostname=build --pipe "${@:3}" </dev/null &
    trap 'kill $!; wait; exit 130' INT TERM
    wait $!
)

# layer NAME TREE SCRIPT [nspawn option…]: makes the layer if it is not there: what SCRIPT
# writes, run as root with the host's network in TREE.
layer() {
    local name=$1 tree=$2 script=$3 partial
    shift 3

    if [ -d "$trees/$name" ]; then
        touch "$trees/$name"
        return
    fi
    # What such layers it replaces, unless somebody used them this week
    find "$trees" -mindepth 1 -maxdepth 1 -name "${name%-*}-*" -mtime +6 -exec rm -rf {} +
    partial=$(mktemp -d "$trees/partial.XXXXXX")
    chmod 755 "$partial"
    tree_run "$partial" "$tree" --resolv-conf=replace-host \
        --setenv=DEBIAN_FRONTEND=noninteractive "$@" /bin/bash -euxc "$script" || return
    mv -T "$partial/upper" "$trees/$name"
    rm -rf "$partial"
}

# with_lock NAME COMMAND…: trees and packages are made by one at a time.
with_lock() {
    local name=$1
    shift

    (
        flock 8
        "$@" 8>&-
    ) 8>"$store/$name.lock"
}

proxy_options() {
    local proxy=

    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || printf '%s\n' "--aptopt=Acquire::http::Proxy \"$proxy\""
}

base_make() {
    local suite=$1 partial options
    # No disk is waited for: what is made here can be made again.
    # shellcheck disable=SC2016
    local hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"
        echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/lab"'

    [ ! -d "$trees/$suite" ] || return 0
    partial=$(mktemp -d "$trees/partial.XXXXXX")
    mapfile -t options < <(proxy_options)
    TMPDIR=$partial mmdebstrap --mode=root --variant=minbase --skip=cleanup/apt/lists \
        --dpkgopt=force-unsafe-io "${options[@]}" \
        --include=systemd,systemd-sysv,dbus,iproute2,ca-certificates,procps,less \
        --customize-hook="$hook" \
        "$suite" "$partial/root" ${RTCBUS_MIRROR:+"$RTCBUS_MIRROR"}
    chmod 755 "$partial/root"
    mv -T "$partial/root" "$trees/$suite"
    rm -rf "$partial"
}

# Prints the tree of a bare machine.
base_tree() {
    echo "$trees/$1"
}

tools_make() {
    base_make "$1"
    layer "$1-tools" "$(base_tree "$1")" '
        useradd --create-home --uid 1000 builder
        apt-get update
        apt-get install -y --no-install-recommends build-essential fakeroot devscripts lintian'
}

build_name() {
    echo "$1-build-$(sed -n '/^Build-/,/^[A-Z]/p' "$top/debian/control" | hash_stdin)"
}

build_make() {
    local suite=$1 name

    name=$(build_name "$suite")
    tools_make "$suite"
    layer "$name" "$trees/$suite-tools:$(base_tree "$suite")" '
        mkdir -p /tmp/source/debian
        cp /control /tmp/source/debian/
        cd /tmp/source
        apt-get update
        apt-get build-dep -y --no-install-recommends ./
        rm -rf /tmp/source' --bind-ro="$top/debian/control:/control"
}

# Prints the tree with the compiler, lintian and our build dependencies.
build_tree() {
    echo "$trees/$(build_name "$1"):$trees/$1-tools:$(base_tree "$1")"
}

# What goes with our packages ----------------------------------------------------------------------

# cache_name SUITE PACKAGES: prints the name of the layer with what apt needs to install the packages of
# that folder offline.
cache_name() {
    local suite=$1 deb

    for deb in "$2"/*.deb; do
        dpkg-deb --field "$deb" Depends Pre-Depends Recommends
    done | echo "$suite-cache-$(hash_stdin)"
}

cache_make() {
    base_make "$1"
    layer "$(cache_name "$1" "$2")" "$(base_tree "$1")" '
        apt-get update
        apt-get install -y --download-only /packages/*.deb
        apt-get install -y --download-only --no-install-recommends /packages/*.deb
        apt-cache gencaches' --bind-ro="$2:/packages"
}

# packages_repack FROM TO SCRIPT: the packages of the folder FROM come to TO, changed by SCRIPT, which is
# run by bash in what each consists of.
packages_repack() {
    local deb work

    mkdir -p "$2"
    work=$(mktemp -d "$2/work.XXXXXX")
    for deb in "$1"/rtcbus*.deb; do
        case $deb in *-dbgsym_*) continue ;; esac
        rm -rf "$work"
        dpkg-deb --raw-extract "$deb" "$work"
        (cd "$work" && bash -euc "$3" bash "$(basename "$deb")")
        dpkg-deb --root-owner-group --build "$work" "$2"
    done
    rm -rf "$work"
}
