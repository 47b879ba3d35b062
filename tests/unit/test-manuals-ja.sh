#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# The Japanese manual pages have what the English ones have: paragraph by paragraph the same
# sections, commands, options, keys, paths, examples and numbers. Whether the sentences say the
# same is for whoever writes them to see; what the English page X has got since the Japanese one is
#     git log -p "$(git log -1 --format=%h -- data/man/ja/X)".. -- data/man/X
set -eu

# shellcheck source=tests/unit/tap.sh
. "$(dirname "$0")/tap.sh"
man=$top_srcdir/data/man
parts=$top_srcdir/tests/unit/manual-parts.awk

# differences ENGLISH JAPANESE: what is in one of them only, and numbers that the second one lacks
differences() {
    for page in "$1" "$2"; do
        LC_ALL=C awk -f "$parts" "$page" | LC_ALL=C sort -u >"$work/parts.$(basename "$(dirname "$page")")"
    done
    diff "$work/parts.$(basename "$(dirname "$1")")" "$work/parts.$(basename "$(dirname "$2")")" |
        sed -nE "s|^< (.*)|$2: lacks \1|p; s|^> (.*)|$2: has, unlike the English one, \1|p"
    LC_ALL=C awk -v numbers=1 -f "$parts" "$1" | LC_ALL=C sort -u >"$work/english"
    LC_ALL=C awk -v numbers=1 -f "$parts" "$2" | LC_ALL=C sort -u >"$work/japanese"
    LC_ALL=C comm -23 "$work/english" "$work/japanese" | sed "s|^|$2: lacks |"
}

# entries ENGLISH: puts the heading or list item of that page in the place of its paragraphs' numbers
entries() {
    awk 'FNR == NR && /^\.(Sh|Ss|It|Pp)( |$)/ { number = sprintf("%03d", ++count)
                                              if (!/^\.Pp/) entry = substr($0, 2)
                                              entries[number] = entry }
         FNR == NR { next }
         match($0, / [0-9][0-9][0-9] /) {
             number = substr($0, RSTART + 1, 3)
             $0 = substr($0, 1, RSTART) "(" entries[number] ") " substr($0, RSTART + 5)
         }
         { print }' "$1" -
}

echo 1..4

mkdir "$work/en" "$work/ja"
cat >"$work/en/a.1" <<'END'
.Sh FILES
.Bl -tag
.It Fl c , Fl -config Ar file
Reads
.Pa /etc/a ,
.Cm Key=
and 20 more, not
.Ar file .
.El
.Dl $ a --config b
END
sed 's/FILES/ファイル/; s/Ar file/Ar ファイル/; s/^Reads/これを/; s/and 20 more, not/など 20 件 2 行/' \
    "$work/en/a.1" >"$work/ja/a.1"
differences "$work/en/a.1" "$work/ja/a.1" >"$work/found"
check 1 'a translation is no difference'

for change in 's/-config Ar/-conf Ar/' '/Key=/d' 's/20/21/' 's/config b/config c/' '/^.El/d' 's/ ,$/ , Xx/'; do
    sed "$change" "$work/ja/a.1" >"$work/ja/b.1"
    [ -n "$(differences "$work/en/a.1" "$work/ja/b.1")" ] || echo "$change" >>"$work/found"
done
check 2 'the check finds what is missing'

for page in rtcbusctl.1 rtcbus-peer.8 rtcbus-relay.8; do
    [ -e "$man/ja/$page" ] || echo "nothing of $page" >>"$work/found"
done
for page in "$man"/ja/*; do
    grep -q "data/man/ja/$(basename "$page")" "$top_srcdir/data/module.am" ||
        echo "$page is not in data/module.am"
    differences "$man/$(basename "$page")" "$page" | entries "$man/$(basename "$page")" | head -n 12
done >>"$work/found"
check 3 'the Japanese pages have what the English ones have'

if command -v man >/dev/null && man --version >/dev/null 2>&1; then
    for page in "$man"/ja/*; do
        MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" 2>&1 >"$work/shown" |
            sed "s|^|$page: |"
        [ "$(sed -n 3p "$work/shown")" = 名前 ] || echo "$page: there is no line above it, or no name"
        awk 'length > 300' "$work/shown" | sed "s|^|$page: a line that is not broken: |"
    done >"$work/found"
    check 4 'man shows them without warnings'
else
    echo 'ok 4 - man shows them without warnings # SKIP man is not installed'
fi
exit "$failed"
