// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The numbers of one emitter: the newest ones in a ring that grows up to its capacity, and
// what can be said about all of them. Times are ms of performance.now().

const CAPACITY = 65536;         // ten minutes at 100 a second
const FIRST_SIZE = 1024;
const RATE_WINDOW = 10000;      // ms
const INTERVALS = 31;           // of which the median is the usual interval
const GAP_FACTOR = 3, SHORTEST_GAP = 250; // ms

/** The value of TEXT if it is a decimal number as rtcbus sends it, else NaN. */
export function parseNumber(text) {
    if (typeof text !== 'string' || text.length > 400 ||
        !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text))
        return NaN;
    const value = Number(text);
    return Number.isFinite(value) ? value : NaN;
}

export class Series {
    count = 0;
    last = NaN;
    lastTime = -Infinity;
    gaps = 0;
    longestGap = 0; // ms
    #times = new Float64Array(FIRST_SIZE);
    #values = new Float64Array(FIRST_SIZE);
    #used = 0;
    #intervals = new Float64Array(INTERVALS);
    #usual = NaN;

    add(time, value) {
        if (this.count > 0)
            this.#interval(time - this.lastTime);
        if (this.#used === this.#times.length && this.#used < CAPACITY) {
            this.#times = grown(this.#times, this.count);
            this.#values = grown(this.#values, this.count);
        }
        const at = this.count % this.#times.length;
        this.#times[at] = time;
        this.#values[at] = value;
        this.#used = Math.min(this.#used + 1, this.#times.length);
        this.count++;
        this.last = value;
        this.lastTime = time;
    }

    /** From which pause on numbers are missing, ms; infinite while nothing is known. */
    get gapLimit() {
        return Math.max(this.#usual * GAP_FACTOR, SHORTEST_GAP) || Infinity;
    }

    /** Numbers a second. */
    rate(now) {
        let n = 0, first = this.lastTime;
        for (let i = this.count - 1; i >= this.count - this.#used; i--, n++) {
            const time = this.#times[i % this.#times.length];
            if (now - time > RATE_WINDOW)
                break;
            first = time;
        }
        if (now - this.lastTime > this.gapLimit)
            return n * 1000 / RATE_WINDOW;
        return n > 1 ? (n - 1) * 1000 / (this.lastTime - first) : NaN;
    }

    /** Calls VISIT(time, value) for what is kept and not older than SINCE, oldest first. */
    forEach(since, visit) {
        const size = this.#times.length;
        let i = this.count - this.#used;
        while (i < this.count && this.#times[i % size] < since)
            i++;
        for (; i < this.count; i++)
            visit(this.#times[i % size], this.#values[i % size]);
    }

    #interval(interval) {
        if (interval > this.gapLimit) {
            this.gaps++;
            this.longestGap = Math.max(this.longestGap, interval);
            return;
        }
        this.#intervals[this.count % INTERVALS] = interval;
        // The median of many changes slowly; that of few is cheap.
        if (this.count < INTERVALS || this.count % 16 === 0 || Number.isNaN(this.#usual)) {
            const known = this.#intervals.filter((value) => value > 0).sort();
            this.#usual = known.length > 1 ? known[known.length >> 1] : NaN;
        }
    }
}

function grown(ring, count) {
    const bigger = new Float64Array(ring.length * 2);
    for (let i = count - ring.length; i < count; i++)
        bigger[i % bigger.length] = ring[i % ring.length];
    return bigger;
}
