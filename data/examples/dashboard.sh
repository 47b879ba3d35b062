#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# dashboard.sh PEER… keeps calls with these peers, and shows the last reading of each series, a
# line each time one comes. It needs jq; BUS=--user for the session bus.
set -eu
[ $# -gt 0 ] || { echo 'usage: dashboard.sh PEER...' >&2; exit 2; }
[ "${BUS-}" = --user ] && session=--session || session=

# shellcheck disable=SC2086 # empty, or one word
rtcbusctl $session keep "$@"

# A peer may send anything, and a terminal obeys control characters.
# shellcheck disable=SC2086
rtcbusctl $session --json readings --follow |
    jq -rn --unbuffered --args '
        foreach (inputs | select(.lost | not) | select(.peer | IN($ARGS.positional[]))) as $r
            ({}; .["\($r.peer) \($r.series)"] = "\($r.value // "(bytes)") \($r.unit)";
             to_entries | map("\(.key | sub(" $"; "")): \(.value | sub(" $"; ""))") | join(" | ")) |
        gsub("\\p{C}"; "\ufffd")' "$@"
