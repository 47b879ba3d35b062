// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What one emitter has sent, a series after the other: the plain numbers of msg_channel are
// the series "". And where to begin after a reload, so that the plots are whole again.

import {Series} from './series.js';

const MAX_SERIES = 200;            // shown of one emitter
const MARK = 10000, KEPT = 600000; // ms: how often a place is remembered, and how long
const MAX_WAITING = 65536;         // readings for one who reads too slowly: the oldest go
const LATE = 5000, PAUSE = 1000;   // ms

export class Readings {
    series = new Map();  // name → {plot: Series, unit, value, at (of performance.now()), count, missed}
    chosen = '';         // the series whose plot is shown
    wish = null;         // the one to choose as soon as it is there
    epoch = null;
    #marks = [];         // [when, sequence], the oldest first
    #arrived = -Infinity;
    #readers = new Set();
    #kept = null;        // the reader that nobody has begun to read from
    #skew = 0;           // ms that the emitter's clock is behind ours

    constructor() {
        this.#series('');
    }

    /** The plot that is shown. */
    get plot() {
        return this.series.get(this.chosen).plot;
    }

    /** The chosen series, or null if nothing has come of it. */
    get last() {
        const chosen = this.series.get(this.chosen);
        return chosen.count > 0 ? chosen : null;
    }

    get missed() {
        return [...this.series.values()].reduce((sum, series) => sum + series.missed, 0);
    }

    /** A number of msg_channel. The time it is shown at. */
    addNumber(reading) {
        const now = performance.now();
        this.#add(reading, now);
        return now;
    }

    /** From now on readings wait for the first who asks for them. */
    keep() {
        this.#kept ??= this.#newReader();
    }

    #newReader() {
        const reader = {waiting: [], wake: null, ended: false};
        this.#readers.add(reader);
        return reader;
    }

    /** Each reading from keep() or from now on, until the call is hung up: for await (const reading of readings). */
    async * [Symbol.asyncIterator]() {
        const reader = this.#kept ?? this.#newReader();
        this.#kept = null;
        try {
            while (!reader.ended || reader.waiting.length > 0) {
                yield* reader.waiting.splice(0);
                if (!reader.ended && reader.waiting.length === 0)
                    await new Promise((resolve) => { reader.wake = resolve; });
            }
        } finally {
            this.#readers.delete(reader);
        }
    }

    /** No more will come: for those who wait. */
    end() {
        for (const reader of this.#readers) {
            reader.ended = true;
            reader.wake?.();
        }
        this.#readers.delete(this.#kept);
        this.#kept = null;
    }

    /** READING as feed.js gives it, of an emitter whose place is EPOCH. The time it is shown at. */
    add(reading, epoch) {
        const now = performance.now(), time = this.#localTime(reading.time, now);
        if (this.epoch !== epoch)
            this.#marks = [];
        this.epoch = epoch;
        if (!reading.greeting)
            this.#mark(now, reading.sequence);
        this.#add(reading, time);
        return time;
    }

    /** From where on to ask after a reload: what the plots show now comes again. */
    get place() {
        return this.#marks.length > 0 ? {epoch: this.epoch, sequence: this.#marks[0][1] - 1} : null;
    }

    #series(name) {
        if (!this.series.has(name) && this.series.size < MAX_SERIES)
            this.series.set(name, {name, plot: new Series(), unit: '', value: null, at: -Infinity, count: 0, missed: 0});
        return this.series.get(name);
    }

    #add(reading, time) {
        const {series: name, unit, value, missed} = reading, series = this.#series(name);
        for (const reader of this.#readers) {
            if (reader.waiting.push(reading) > MAX_WAITING)
                reader.waiting.shift();
            reader.wake?.();
        }
        if (!series)
            return;
        Object.assign(series, {unit, value, at: Math.max(time, series.at), count: series.count + 1, missed: series.missed + missed});
        if (typeof value === 'number')
            series.plot.add(series.at, value);
        if (this.series.get(this.chosen).count === 0 || name === this.wish)
            this.chosen = name;
        if (name === this.wish)
            this.wish = null;
    }

    /**
     * By the emitter's clock, which may be wrong: what comes late though nothing was waiting
     * shows by how much.
     */
    #localTime(time, now) {
        const at = time - performance.timeOrigin, late = now - at - this.#skew;
        if (this.#arrived > -Infinity && now - this.#arrived > PAUSE && late > LATE)
            this.#skew += late;
        this.#arrived = now;
        return Math.min(at + this.#skew, now);
    }

    #mark(now, sequence) {
        const newest = this.#marks.at(-1);
        if (!newest || now - newest[0] >= MARK)
            this.#marks.push([now, sequence]);
        while (this.#marks.length > 1 && now - this.#marks[1][0] > KEPT)
            this.#marks.shift();
    }
}
