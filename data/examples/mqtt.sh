#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# mqtt.sh [OPTION…] gives every reading that comes to an MQTT broker, as JSON in the topic
# rtcbus/PEER/SERIES, retained. Options are those of mosquitto_pub(1), such as -h HOST. It needs
# jq and mosquitto-clients; BUS=--user for the session bus.
set -eu
[ "${BUS-}" = --user ] && session=--session || session=

# What is special in topics would lead elsewhere, and "-l" takes a message a line, with one topic.
# shellcheck disable=SC2086 # empty, or one word
rtcbusctl $session --json readings --follow |
    jq -r --unbuffered 'select(.series) |
        ([.peer, .series] | map(gsub("[/+#\u0000-\u001f]"; "_"))) as $place |
        "rtcbus/\($place | join("/"))\t\(tojson)"' |
    while IFS="$(printf '\t')" read -r topic message; do
        mosquitto_pub "$@" -r -t "$topic" -m "$message"
    done
