#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# libnice reads and sends by functions of the daemon's own (src/rtc/ice/socket-turn.c). It finds
# them only if the program exports them, whatever flags it was linked with.
set -eu

# shellcheck source=tests/unit/tap.sh
. "$(dirname "$0")/tap.sh"

# exports PROGRAM: what it offers to its libraries of GIO's sockets
exports() {
    "${NM:-nm}" --dynamic --defined-only "$1" | sed -n 's/.* T \(g_socket_.*\)/\1/p' | sort | tr '\n' ' '
}

echo 1..1
found=$(exports "$top_builddir/rtcbus-peer")
[ "$found" = 'g_socket_receive_message g_socket_send_message ' ] || echo "exported: $found" >"$work/found"
check 1 'the daemon comes before GIO'
exit "$failed"
