#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# The Japanese catalogue is complete: every file that says something is in
# POTFILES.in, and every message that xgettext finds there is translated.
# (That the installed programs speak Japanese is seen by debian/tests.)
set -eu
# shellcheck source=tests/unit/tap.sh
. "$(dirname "$0")/tap.sh"

for tool in xgettext msgmerge msgfmt; do
    if ! command -v "$tool" >/dev/null; then
        echo "1..0 # SKIP $tool is not installed"
        exit 0
    fi
done

echo 1..5
cd "$top_srcdir"

{
    grep -rlE '\b(N?_|ngettext) ?\(' src --include='*.c'
    grep -rlE '^(#define .*| +)N_\("' src --include='*.h'
} | sort >"$work/speaking"
grep -v '^#' po/POTFILES.in | sort >"$work/listed"
comm -3 "$work/speaking" "$work/listed" >"$work/found"
check 1 'POTFILES.in lists exactly the files with messages'

# xgettext knows the macros of <inttypes.h>, but cuts a message at GLib's.
grep -rnE '"[^"]*%" *G_G?[A-Z0-9]+_(FORMAT|MODIFIER)' src --include='*.c' |
    grep -E '_\(|ngettext' >"$work/found" || true
check 2 'messages with 64-bit numbers use PRIu64'

# shellcheck disable=SC2046 # options are words
xgettext --files-from="$work/listed" --keyword=_ --keyword=N_ --from-code=UTF-8 \
    --output="$work/new.pot" 2>"$work/found" || echo 'xgettext failed' >>"$work/found"
grep -v 'extension .* is unknown' "$work/found" >"$work/rest" || true
mv "$work/rest" "$work/found"
check 3 'xgettext reads the sources'

# No fuzzy matching: a message that has changed is a message to translate.
msgmerge --quiet --no-fuzzy-matching --output-file="$work/ja.po" po/ja.po "$work/new.pot"
msgattrib --untranslated --no-obsolete --no-wrap "$work/ja.po" >"$work/found"
msgattrib --only-fuzzy --no-obsolete --no-wrap po/ja.po >>"$work/found"
check 4 'every message is in Japanese'

msgfmt --check --output-file="$work/ja.mo" "$work/ja.po" 2>"$work/found" || true
check 5 'the catalogue is valid'

exit "$failed"
