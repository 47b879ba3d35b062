#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# The walks in doc/ name functions that there are: each numbered line has a function and
# the file below src/ that defines it.
set -eu
# shellcheck source=tests/unit/tap.sh
. "$(dirname "$0")/tap.sh"

echo 1..2
cd "$top_srcdir"

sed -nE 's|^ +[0-9]+  ([a-z_]+) +([a-z/-]+\.c).*|\1 \2|p' doc/* >"$work/steps"
[ -s "$work/steps" ] || echo "no step in doc/" >"$work/found"
check 1 'there are walks'

while read -r name file; do
    grep -qE "^[A-Za-z].*[ *]$name\(" "src/$file" || echo "$name is not in src/$file"
done <"$work/steps" >"$work/found"
check 2 'each function is in the file that its step names'
exit "$failed"
