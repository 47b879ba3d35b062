#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# Includes point down only (src/README). The check first has to find the upward
# includes in a tree made for it, so that it is known to be able to fail.
set -eu

# shellcheck source=tests/unit/tap.sh
. "$(dirname "$0")/tap.sh"

# What each folder may include besides itself and system headers.
allowed() {
    case $1 in
    common) echo common ;;
    signaling) echo 'signaling common' ;;
    rtc) echo 'rtc common' ;;
    token) echo 'token common' ;;
    relay) echo 'relay signaling token common' ;;
    files) echo 'files signaling common' ;;
    ctl) echo 'ctl files token common' ;;
    peer) echo 'peer rtc signaling common' ;;
    esac
}

# upward SRC: one line for each include that breaks the rule
upward() {
    for folder in "$1"/*/; do
        layer=$(basename "$folder")
        down=$(allowed "$layer")
        if [ -z "$down" ]; then
            echo "src/$layer: not in the table of layers"
            continue
        fi
        find "$folder" -name '*.[ch]' | sort | while read -r file; do
            sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file" |
                while read -r header; do
                    case $header in
                    */*)
                        case " $down generated " in
                        *" ${header%%/*} "*) ;;
                        *) echo "$file: \"$header\" is above src/$layer" ;;
                        esac
                        ;;
                    *) echo "$file: \"$header\" names no folder" ;;
                    esac
                done
        done
    done
}

# The order inside a layer, from the top down: folders, and files by their names alone.
order() {
    case $1 in
    rtc) echo 'connection negotiation paths generation candidate-queue sdp channel sctp dtls ice transport error' ;;
    peer) echo 'main bus peer metrics config readings service call trust signaling error' ;;
    esac
}

# inside SRC LAYER: one line for each include that goes up in it
inside() {
    find "$1/$2" -name '*.[ch]' | sort | while read -r file; do
        sed -n "s,^[[:space:]]*#[[:space:]]*include[[:space:]]*\"$2/\([^\"]*\)\".*,$file \1,p" "$file"
    done | awk -v order="$(order "$2")" -v prefix="$1/$2/" '
        function part(path) {
            sub(/[.\/].*/, "", path)
            if (!(path in rank))
                sub(/-.*/, "", path) # connection-steps.c is a part of connection
            return path
        }
        BEGIN { n = split(order, names, " "); for (i = 1; i <= n; i++) rank[names[i]] = i }
        {
            from = part(substr($1, length(prefix) + 1)); to = part($2)
            if (!(from in rank) || !(to in rank))
                print $1 ": not in the order of its layer: " from " or " to
            else if (rank[to] < rank[from])
                print $1 ": \"" $2 "\" is above " from
        }'
}

# cycles SRC: the files that include each other in a ring
cycles() {
    find "$1" -name '*.[ch]' | sort | while read -r file; do
        sed -n "s,^[[:space:]]*#[[:space:]]*include[[:space:]]*\"\([^\"]*/[^\"]*\)\".*,${file#"$1"/} \1,p" \
            "$file"
    done | tsort 2>&1 >/dev/null | grep -v 'loop' || true
}

# rtc must not even know the libraries of the layers above it.
foreign() {
    if [ -d "$1/rtc" ]; then
        grep -rnE '#[[:space:]]*include[[:space:]]*<(gio/gio|libsoup/|libwebsockets|json-glib)' \
            "$1/rtc" | grep -vE 'gio/gio(networking)?\.h' || true
        grep -rnE 'GDBus|g_bus_|SoupWebsocket' "$1/rtc" || true
    fi
}

# Bytes of a remote come to json-glib through one door, behind the envelope's scan: json-glib takes
# what is not JSON, and in some versions leaks it.
parsers() {
    grep -rnE 'json_(parser_|from_string|gvariant_deserialize|reader_)' "$1" |
        grep -v "^$1/signaling/frame\.c:" || true
}

# The time and chance come from one place each, so that a program of tests can make them itself.
direct() {
    grep -rnE '\<(g_get_(monotonic|real|current)_time|g_timeout_[a-z_]+|g_date_time_new_now[a-z_]*|g_random_[a-z_]+|g_rand_[a-z_]+|g_uuid_[a-z_]+|clock_gettime|gettimeofday|timerfd_create|time|getrandom|getentropy|rand|random|gnutls_rnd) *\(' \
        "$1" --include='*.[ch]' | grep -vE "^$1/common/(clock|random)\.c:|^[^:]*:[0-9]+: \*" || true
}

# What C calls a type once it is defined: "struct Name {" or "} Name;". One that is defined in two places is
# printed with the places.
types() {
    find "$1" -name '*.[ch]' | sort | while read -r file; do
        sed -nE "s,^struct ([A-Z][A-Za-z0-9]*) \\{\$,\\1 $file,p; s,^\\} ([A-Z][A-Za-z0-9]*);\$,\\1 $file,p" \
            "$file"
    done | sort | awk '
        $1 == last { print where; print }
        { last = $1; where = $0 }' | uniq
}

# A comment that sends its reader to a document that is not here
documents() {
    grep -rnE '(INTERFACES|ENGINEERING|STYLE)([ .]|$)|[ (]issue ?[0-9:]' "$@" --include='*.[ch]' \
        --include='*.py' --include='*.am' --include='*.in' --include='*.xml' | grep -v ' = ' || true
}

# lost SRC FILE…: each source file that a document names and that is not there: below SRC, or
# named from the top
lost() {
    src=$1
    shift
    grep -oE '[a-z][a-z0-9/-]*\.[ch]\b' "$@" | sort -u | while IFS=: read -r document file; do
        [ -e "$src/../$file" ] || [ -n "$(find "$src" -path "*/$file")" ] || echo "$document: there is no $file"
    done
}

# The tests of codecs link them alone: with a library of a layer they could do more than read bytes.
codecs='check_gate crc32c dcep envelope frame gate ice_server reassembly receive_window scheduler sdp
send_limit streams'

# layered FILE: each LDADD line of a codec's test in FILE that names more
layered() {
    for codec in $codecs; do
        grep -n "^tests_unit_test_${codec}_LDADD = " "$1" ||
            echo "tests/module.am: test-$codec has no LDADD"
    done | grep -vE '= (librtc\.a )?(\$\(SIGNALING_LIBS\) )?\$\(COMMON_LIBS\)( \$\(JSON_LIBS\))?$' || true
}

# MESSAGE_IDs that stand for two things
twice() {
    grep -ohE '"[0-9a-f]{32}"' "$1/common/names.h" | sort | uniq -d
}

echo 1..12

mkdir -p "$work/src/common" "$work/src/rtc" "$work/src/ctl" "$work/src/extra" \
    "$work/src/signaling"
printf '#include <config.h>\n#  include "rtc/dtls.h"\n#include <glib.h>\n' >"$work/src/common/a.c"
printf '#include "common/log.h"\n#include "rtc/ice.h"\nGDBusConnection *bus;\n' >"$work/src/rtc/b.c"
printf '#include "log.h"\n#include "peer/call.h"\n' >"$work/src/ctl/c.h"
printf 'json_from_string(text);\n' | tee "$work/src/signaling/frame.c" >"$work/src/rtc/d.c"
seen=$(upward "$work/src" | wc -l)
seen_foreign=$(foreign "$work/src" | wc -l)
seen_parsers=$(parsers "$work/src" | wc -l)
printf 'struct Room {\ntypedef struct Room Room;\n} Visitor;\n' >"$work/src/ctl/e.c"
printf 'typedef struct Room Room;\n} Room;\n/* see INTERFACES 3.2 (issue 4) */\n' >"$work/src/rtc/f.h"
seen_types=$(types "$work/src" | wc -l)
seen_documents=$(documents "$work/src" | wc -l)
printf 'common/a.c, gone.c and rtc/a.c\n' >"$work/map"
seen_lost=$(lost "$work/src" "$work/map" "$work/map" | wc -l)
printf 'now = g_get_real_time();\nwhen = time (NULL);\ncandidate_time(x);\n' >"$work/src/rtc/g.c"
printf 'g_timeout_add(1);\n' | tee "$work/src/common/clock.c" >>"$work/src/rtc/g.c"
seen_direct=$(direct "$work/src" | wc -l)
mkdir -p "$work/ring/rtc/ice" "$work/ring/rtc/sctp"
printf '#include "rtc/sctp/b.h"\n#include "rtc/error.h"\n' >"$work/ring/rtc/ice/a.h"
printf '#include "rtc/ice/a.h"\n' >"$work/ring/rtc/sctp/b.h"
seen_inside=$(inside "$work/ring" rtc | wc -l)
seen_cycles=$(cycles "$work/ring" | wc -l)
seen_lost="$seen_lost $seen_inside $seen_cycles"
for codec in $codecs; do
    echo "tests_unit_test_${codec}_LDADD = librtc.a \$(COMMON_LIBS)"
done | sed '/_dcep_/s/librtc.a/librtc.a librelay.a/' >"$work/module.am"
id=$(printf '%032d' 7)
printf '#define A "%s"\n#define B "%s"\n' "$id" "$id" >"$work/src/common/names.h"
seen_lost="$seen_lost $(layered "$work/module.am" | wc -l) $seen_direct $(twice "$work/src" | wc -l)"
found="$seen $seen_foreign $seen_parsers $seen_types $seen_documents $seen_lost"
[ "$found" = '4 1 1 2 1 2 1 2 1 3 1' ] || echo "found $found" >"$work/found"
check 1 'the check finds what is wrong'

upward "$top_srcdir/src" >"$work/found"
check 2 'includes point down'
foreign "$top_srcdir/src" >"$work/found"
check 3 'rtc knows neither D-Bus nor WebSocket'
parsers "$top_srcdir/src" >"$work/found"
check 4 'frame.c alone parses JSON'
types "$top_srcdir/src" >"$work/found"
check 5 'a type is defined once'
documents "$top_srcdir/src" "$top_srcdir/tests" "$top_srcdir/data" >"$work/found"
check 6 'comments refer to what is here'
lost "$top_srcdir/src" "$top_srcdir/src/README" "$top_srcdir"/doc/* >"$work/found"
check 7 'the map and the documents name what is there'
inside "$top_srcdir/src" rtc >"$work/found"
inside "$top_srcdir/src" peer >>"$work/found"
check 8 'rtc and peer have an order inside'
cycles "$top_srcdir/src" >"$work/found"
check 9 'no file includes itself by way of others'
layered "$top_srcdir/tests/module.am" >"$work/found"
check 10 "a codec's test links no layer"
direct "$top_srcdir/src" >"$work/found"
check 11 'clock.c and random.c alone ask for the time and for chance'
twice "$top_srcdir/src" >"$work/found"
check 12 'a MESSAGE_ID means one thing'
exit "$failed"
