# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors
#
# What the suites on machines of the lab share: TAP, and talking to a machine.  They set `suite`
# and `lab_prefix` before they use it, and call machines_begin.

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ran=0
failed=0
scratch=

# TAP --------------------------------------------------------------------------------------------

# check TEXT COMMAND…: one test; what the command says is shown if it fails.
check() {
    local text=$1 said status=0 start=$SECONDS
    shift

    ran=$((ran + 1))
    said=$("$@" 2>&1) || status=$?
    if ((status == 0)); then
        printf 'ok %d - %s\n' "$ran" "$text"
    else
        failed=$((failed + 1))
        printf 'not ok %d - %s\n' "$ran" "$text"
        printf 'status %d after %d s of: %s\n%s\n' "$status" $((SECONDS - start)) "$*" "$said" |
            sed 's/^/#   /'
    fi
}

plan() {
    printf '1..%d\n' "$ran"
    printf '# %d of %d passed\n' $((ran - failed)) "$ran"
    ((failed == 0))
}

# within SECONDS COMMAND…: until the command succeeds; the last thing it says is shown.  SECONDS are
# for what hangs: they are a minute at least, for the machine may have much else to do.
within() {
    promptly $(($1 > 60 ? $1 : 60)) "${@:2}"
}

# promptly SECONDS COMMAND…: the same, where the time is what is tested.
promptly() {
    local deadline=$((SECONDS + $1)) said
    shift

    until said=$("$@" 2>&1); do
        if ((SECONDS >= deadline)); then
            printf '%s\n' "$said"
            return 1
        fi
        sleep 0.2
    done
}

not() {
    ! "$@"
}

# says TEXT COMMAND…: the command's output, whatever its status, holds the regular expression.
says() {
    local text=$1 said
    shift

    said=$("$@" 2>&1) || true
    grep -Eq -- "$text" <<<"$said" || {
        printf 'no "%s" in:\n%s\n' "$text" "$said"
        return 1
    }
}

# Machines ---------------------------------------------------------------------------------------

machines_finish() {
    trap '' INT TERM
    rm -rf "$scratch"
    lab down >/dev/null
}

machines_begin() {
    # What is said beside the tests, from inside of check() as well.
    exec 3>&1
    # shellcheck disable=SC2154
    [[ " $suites " == *" $suite "* ]] || die "suites are: $suites"
    require_packages
    # shellcheck disable=SC2154
    scratch=$(mktemp -d "$store/$lab_prefix.XXXXXX")
    trap machines_finish EXIT
    trap 'exit 130' INT TERM
    lab down
}

lab() {
    # shellcheck disable=SC2154
    "$top/tests/lab" --suite "$suite" --prefix "$lab_prefix" "$@"
}

in_machine() {
    lab run "$@"
}

as_user() {
    local name=$1 user=$2
    shift 2

    in_machine "$name" runuser -u "$user" -- "$@"
}

# put NAME PATH: what is read is written there.
put() {
    # shellcheck disable=SC2016 # $1 is the machine's
    in_machine "$1" sh -ec 'mkdir -p "$(dirname "$1")" && cat >"$1"' sh "$2"
}

peer_path=(org.rtcbus.Peer1 /org/rtcbus/Peer1 org.rtcbus.Peer1)

# Prints the value of a property of the peer, without its signature.
property() {
    in_machine "$1" busctl get-property "${peer_path[@]}" "$2" | cut -d ' ' -f 2-
}

property_is() {
    says "^\"?$3\"?\$" property "$1" "$2"
}

relay_connected() {
    within 40 property_is "$1" RelayState connected
}

# Prints the path of the first call.
call_path() {
    in_machine "$1" busctl tree --list org.rtcbus.Peer1 |
        grep -E '^/org/rtcbus/Peer1/call/[0-9]+$' | head -n 1
}

call_property() {
    in_machine "$1" busctl get-property org.rtcbus.Peer1 "$(call_path "$1")" \
        org.rtcbus.Peer1.Call "$2" | cut -d ' ' -f 2-
}

fingerprint() {
    in_machine "$1" rtcbusctl --json fingerprint | sed 's/.*"fingerprint":"\([^"]*\)".*/\1/'
}

main_pid() {
    in_machine "$1" systemctl show --property=MainPID --value "$2"
}

# Puts the packages with a higher version, and other conffiles, into /root of a machine.
packages_renew() {
    # shellcheck disable=SC2016 # $1, $file and so on are the packages'
    [ -d "$scratch/renewed" ] || packages_repack "$store/packages/$suite" "$scratch/renewed" '
        sed -i "s/^Version: .*/&+lab1/; s/\(rtcbus[a-z-]* (= [^)]*\))/\1+lab1)/g" DEBIAN/control
        for file in etc/rtcbus/*.conf; do
            if [ -e "$file" ]; then echo "# of lab1" >>"$file"; fi
        done'
    tar --create --directory="$scratch/renewed" . |
        in_machine "$1" tar --extract --directory=/root --no-same-owner
}
