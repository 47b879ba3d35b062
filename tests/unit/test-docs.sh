#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# The walks in doc/ name functions that there are: each numbered line has a function and
# the file below src/ that defines it. doc/rfcs names tests that there are.
set -eu
# shellcheck source=tests/unit/tap.sh
. "$(dirname "$0")/tap.sh"

echo 1..4
cd "$top_srcdir"

sed -nE 's|^ +[0-9]+  ([a-z_]+) +([a-z/-]+\.c).*|\1 \2|p' doc/* >"$work/steps"
[ -s "$work/steps" ] || echo "no step in doc/" >"$work/found"
check 1 'there are walks'

while read -r name file; do
    grep -qE "^[A-Za-z].*[ *]$name\(" "src/$file" || echo "$name is not in src/$file"
done <"$work/steps" >"$work/found"
check 2 'each function is in the file that its step names'

# Cases of C programs are written whole, or behind a prefix that a macro adds.
sed -nE 's#^ +(tests/(unit|integration|node)/test-[a-z0-9-]+\.(c|py|mjs)) (.+)$#\1 \4#p' doc/rfcs >"$work/tests"
[ -s "$work/tests" ] || echo "no test in doc/rfcs" >"$work/found"
check 3 'there are tests for what must be done'

while read -r file case; do
    case $file in
        *.c) rest=${case#/} && set -- -e "(\"$case\"" -e "(\"${rest#*/}\"" ;;
        *.py) set -- -e "def $case(" ;;
        *) set -- -e "test('$case'" ;;
    esac
    grep -qF "$@" "$file" || echo "$case is not in $file"
    grep -q "${file%.c}" tests/module.am || echo "$file is not run"
done <"$work/tests" >"$work/found"
check 4 'each test that doc/rfcs names is there'
exit "$failed"
