# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# What the tests of the sources share: a folder, where what is wrong is
# gathered in a file, and a line of TAP that shows it. They end with
# exit "$failed".

: "${top_srcdir:=.}" "${top_builddir:=.}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/found"
failed=0

# check NUMBER TITLE: passes if $work/found is empty, and empties it
check() {
    if [ -s "$work/found" ]; then
        sed 's/^/# /' "$work/found"
        echo "not ok $1 - $2"
        # shellcheck disable=SC2034 # for their end
        failed=1
    else
        echo "ok $1 - $2"
    fi
    : >"$work/found"
}
