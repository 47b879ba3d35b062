#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# The manual pages are clean, and tell every configuration key and every option
# that the programs know, with the default that the source has, and every status
# with which the relay refuses or closes a connection.
set -eu

# shellcheck source=tests/unit/tap.sh
. "$(dirname "$0")/tap.sh"
man=$top_srcdir/data/man

# keys FILE: each KEY("…") of a table, as the last quoted words before its type: name default
keys() {
    tr '\n' ' ' <"$1" | grep -oE 'KEY\("[^;]*' | sed 's/KEY(/\n&/g' |
        sed -nE 's/^KEY\(("[A-Z][A-Za-z]*", )?"([A-Z][A-Za-z]+)", *[A-Z_]+, *[a-z_.]+, *"([^"]*)".*/\2 \3/p'
}

# undocumented SOURCE PAGE: keys whose entry in the page lacks, or lacks the default
undocumented() {
    keys "$1" >"$work/keys"
    [ -s "$work/keys" ] || echo "no key found in $1"
    while read -r key default; do
        sed -n "/^\.It Cm $key\$/,/^\.\(It\|El\|Sh\)/p" "$2" | sed 1d >"$work/entry"
        if [ ! -s "$work/entry" ]; then
            echo "$2: nothing of $key"
        elif [ -n "$default" ] && ! tr '\n' ' ' <"$work/entry" | grep -qF -- "$default"; then
            echo "$2: the default of $key is $default"
        fi
    done <"$work/keys"
}

# options PROGRAM [COMMAND]: long options that its help shows
options() {
    LC_ALL=C "$top_builddir/$1" ${2:+"$2"} --help | grep -oE '^ .*--[a-z][a-z-]+' |
        grep -oE -- '--[a-z-]+' | cut -c 3- | sort -u
}

# unknown PROGRAM PAGE [COMMAND]: options that the page does not have
unknown() {
    options "$1" "${3-}" >"$work/options"
    [ -s "$work/options" ] || echo "$1 shows no options"
    while read -r option; do
        grep -qE "^\.It .*Fl -$option( |\$)" "$2" || echo "$2: nothing of --$option"
    done <"$work/options"
}

# statuses: of HTTP and of WebSocket, as the relay's source has them
statuses() {
    sed -nE 's/^ *\{([45][0-9]{2}), ".*/\1/p' "$top_srcdir/src/relay/handshake.c"
    grep -ohE '(client_close(_now)?\([^,]*|fail\(out), 1[0-9]{3}' "$top_srcdir"/src/relay/*.c |
        grep -oE '[0-9]{4}$' | sort -u
}

echo 1..5
: >"$work/found"

printf 'KEY("Peer", "Missing", UINT, x, "7"),\nKEY("Known", CONFIG_UINT,\n y, "12"),\n' >"$work/a.c"
printf '.It Cm Known\nIt is 13.\n.El\n' >"$work/a.5"
if [ "$(undocumented "$work/a.c" "$work/a.5" | wc -l)" = 2 ]; then
    echo 'ok 1 - the check finds what is missing'
else
    echo 'not ok 1 - the check finds what is missing'
    failed=1
fi

undocumented "$top_srcdir/src/relay/config.c" "$man/rtcbus-relay.conf.5" >"$work/found"
undocumented "$top_srcdir/src/peer/config.c" "$man/rtcbus-peer.conf.5" >>"$work/found"
check 2 'every key and its default'

for program in rtcbus-relay rtcbus-peer; do
    unknown "$program" "$man/$program.8" >>"$work/found"
done
for command in status call numbers pair pipe receive; do
    unknown rtcbusctl "$man/rtcbusctl.1" "$command" >>"$work/found"
done
check 3 'every option'

statuses >"$work/statuses"
[ "$(wc -l <"$work/statuses")" -gt 12 ] || echo "the statuses are not found" >>"$work/found"
while read -r status; do
    grep -q "^\.It $status\$" "$man/rtcbus-signaling.7" || echo "nothing of $status"
done <"$work/statuses" >>"$work/found"
check 4 'every status of a refusal or a close'

if command -v man >/dev/null && man --version >/dev/null 2>&1; then
    for page in "$man"/*.[1-9]; do
        MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null |
            sed "s|^|$(basename "$page"): |" >>"$work/found"
    done
    check 5 'man has no warnings'
else
    echo 'ok 5 - man has no warnings # SKIP man is not installed'
fi
exit "$failed"
