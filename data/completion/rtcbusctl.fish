# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# Completion of fish for rtcbusctl(1), which is asked what may come next.

function __rtcbusctl_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)

    for line in (rtcbusctl __complete $before[2..-1] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            printf '%s\n' $line
        end
    end
end

complete -c rtcbusctl -f -a '(__rtcbusctl_complete)'
