// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What one emitter has sent, a series after the other: the plain numbers of msg_channel are
// the series "". And where to begin after a reload, so that the plots are whole again.

import {Series} from './series.js';

const MAX_SERIES = 200;            // shown of one emitter
const MARK = 10000, KEPT = 600000; // ms: how often a place is remembered, and how long
const LATE = 5000, PAUSE = 1000;   // ms

export class Readings {
    series = new Map();  // name → {plot: Series, unit, value, count, missed}
    chosen = '';         // the series whose plot is shown
    wish = null;         // the one to choose as soon as it is there
    epoch = null;
    #marks = [];         // [when, sequence], the oldest first
    #arrived = -Infinity;
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

    /** A number of msg_channel. */
    addNumber(time, value) {
        this.#add({series: '', unit: '', value, missed: 0}, time);
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
            this.series.set(name, {name, plot: new Series(), unit: '', value: null, count: 0, missed: 0});
        return this.series.get(name);
    }

    #add({series: name, unit, value, missed}, time) {
        const series = this.#series(name);
        if (!series)
            return;
        Object.assign(series, {unit, value, count: series.count + 1, missed: series.missed + missed});
        if (typeof value === 'number')
            series.plot.add(Math.max(time, series.plot.lastTime), value);
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
