#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# sensor.sh VALUE publishes a reading to every listener; sensor.sh prints the
# readings received so far, a line each. BUS=--user for the session bus.
set -eu

peer() {
    busctl "${BUS:---system}" call org.rtcbus.Peer1 /org/rtcbus/Peer1 org.rtcbus.Peer1 "$@"
}

if [ $# -gt 0 ]; then
    peer Publish d -- "$1"
else
    # To follow them as they come: rtcbusctl numbers --follow
    peer ReadNumbers tu 0 0
fi
