#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# textfile.sh FILE writes the last number of each series of each peer into FILE, such as
# /var/lib/prometheus/node-exporter/rtcbus.prom, for the textfile collector of Prometheus'
# node_exporter. For a timer or cron. It needs jq; BUS=--user for the session bus.
set -eu
[ $# = 1 ] || { echo 'usage: textfile.sh FILE' >&2; exit 2; }
[ "${BUS-}" = --user ] && session=--session || session=

trap 'rm -f "$1.$$"' EXIT
# shellcheck disable=SC2086 # empty, or one word
rtcbusctl $session --json readings | jq -rs '
    def quoted: tojson;
    "# HELP rtcbus_reading The last number of a series.",
    "# TYPE rtcbus_reading gauge",
    ([.[] | select(.value | type == "number")] | group_by([.peer, .series])[] | last |
     "rtcbus_reading{peer=\(.peer | quoted),series=\(.series | quoted),unit=\(.unit | quoted)} \(.value)")
    ' >"$1.$$"
chmod 644 "$1.$$"
mv "$1.$$" "$1" # at once: the collector never sees half of it
