#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# sensor.sh VALUE publishes a reading to every listener; sensor.sh prints the
# readings received so far, as busctl shows them, and sensor.sh --follow also
# those that come, a line each. BUS=--user for the session bus.
set -eu

peer() {
    busctl "${BUS:---system}" call org.rtcbus.Peer1 /org/rtcbus/Peer1 org.rtcbus.Peer1 "$@"
}

# "a(ttsd)t 2 SEQUENCE TIME "PEER" VALUE … LOST"; each line begins with its sequence.
readings() {
    peer ReadNumbers tu "$1" 0 | sed 's/^a(ttsd)t [0-9]* //; s/ [0-9]*$//' |
        grep -oE '[0-9]+ [0-9]{16} "([^"\\]|\\.)*" [-+0-9.e]+' || true
}

case ${1-} in
    --follow)
        # The sequence makes that none is missed or seen twice, however long a round takes.
        last=0
        while sleep 0.2; do
            new=$(readings "$last")
            [ -n "$new" ] || continue
            printf '%s\n' "$new"
            last=$(printf '%s\n' "$new" | sed -n '$s/ .*//p')
        done
        ;;
    "") readings 0 ;;
    *) peer Publish d -- "$1" ;;
esac
