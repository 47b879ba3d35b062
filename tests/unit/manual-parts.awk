# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# What two translations of a manual page have in common, sorted by paragraphs: headings, list items,
# commands, options, keys, paths, pages that are referred to, and literal lines. With -v numbers=1
# the numbers that stand in the text, instead.

BEGIN {
    split("Sh Ss Pp Bl It El Bd Ed", list); for (i in list) shape[list[i]] = 1
    split("Cm Fl Li Pa Xr Fn Fa Dv Sy", list); for (i in list) literal[list[i]] = 1
    split("Ar Op Oo Oc No Ns Nm Nd Pq Po Pc Dq Sq Ql Ta", list); for (i in list) other[list[i]] = 1
}

function say(kind, words) {
    if (!numbers) printf "%03d %s %s\n", part, kind, words
}

# The words of a macro line that no translation changes; those after Ar, Ns and the like may change
function parse(n,    i, kind, kept) {
    for (i = 1; i <= n; i++) {
        if (word[i] in literal || word[i] in other) {
            kind = word[i]
            kept = kept (kind ~ /^(Ns|No|Oo|Oc)$/ ? "" : " " kind)
        } else if (kind in literal && word[i] !~ /^[.,;:()]+$/ && word[i] !~ /[^ -~]/) {
            say(kind, word[i])
            kept = kept " " word[i]
        }
    }
    return kept
}

function tell_numbers(line,    i, n, found) {
    gsub(/Xr [^ ]+ [0-9]|\\[&e]|[^ -~]+/, " ", line)
    n = split(line, found, /[^0-9A-Za-z_.,:\/=-]+/)
    for (i = 1; i <= n; i++) {
        sub(/[.,:]+$/, "", found[i])
        if (found[i] ~ /^[0-9][0-9.,:]*$/) printf "%03d %s\n", part, found[i]
    }
}

/^\.\\"/ { next }
/^\.(Dd|Os|Nd|mso|ds|hlm|if|de)( |$)/ || /^\.?\.?\\?}?$/ { next }
/^\.(Sh|Ss|It|Pp)( |$)/ { part++ }
/^\.Ed/ { verbatim = 0 }
verbatim || /^\.Dl / { say("line", $0); next }
/^\.Bd/ { verbatim = 1 }
numbers && !/^\.(Sh|Ss|Bl|Bd)/ { tell_numbers($0); next }
/^\./ {
    macro = substr($1, 2)
    n = split(substr($0, 2), word)
    if (macro == "Sh" || macro == "Ss") say("shape", macro)
    else if (macro == "It") { word[1] = ""; say("shape", "It" parse(n)) }
    else if (macro in shape) say("shape", substr($0, 2))
    else parse(n)
}
