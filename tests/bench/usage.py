# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What processes use: CPU time, peak and present memory, wake-ups, by their ids."""

import os
import re
import time


def status(pid, field):
    """A number of /proc/PID/status, in its unit (memory: KiB)."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return int(re.search(rf"^{field}:\s+(\d+)", f.read(), re.MULTILINE).group(1))


def cpu_seconds(pids):
    """User and system time of all threads, those that have ended included; nanoseconds count.

    A process' CPU clock can be read from outside: its id is made of the pid (see
    clock_getcpuclockid(3)), and unlike /proc/PID/stat it does not count ticks."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def peak_kib(pids):
    """VmHWM, the peak of resident memory, summed up."""
    return sum(status(pid, "VmHWM") for pid in pids)


def reset_peak(pids):
    """From here on peak_kib() knows nothing of what was before."""
    for pid in pids:
        with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")


def rss_kib(pids):
    return sum(status(pid, "VmRSS") for pid in pids)


def pss_kib(pids):
    """Resident memory with shared pages divided among those who share them."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.MULTILINE).group(1))
    return total


def wakeups(pids):
    """How often their threads have gone to sleep by themselves: each time something woke them."""
    total = 0
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            total += status(f"{pid}/task/{thread}", "voluntary_ctxt_switches")
    return total


class Meter:
    """CPU time of PIDS from here on, and their peak memory."""

    def __init__(self, pids):
        self.pids = list(pids)
        reset_peak(self.pids)
        self.began = time.monotonic()
        self.cpu = cpu_seconds(self.pids)

    def seconds(self):
        return time.monotonic() - self.began

    def cpu_seconds(self):
        return cpu_seconds(self.pids) - self.cpu

    def peak_kib(self):
        return peak_kib(self.pids)
