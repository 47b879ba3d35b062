// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The plot of the last minutes on a canvas.
//
// Numbers are gathered into columns one pixel wide as they come: a column with few numbers is a
// piece of the curve, one with many a band from the lowest to the highest and their mean.
// A column begins at a multiple of its width in time, so the same numbers always fall into
// the same columns and the curve moves without trembling; and drawing costs the same at one
// number a second and at a thousand. It draws some times a second, only while it is visible,
// and only if there is something new to see; a curve of many columns half as often, for a browser
// without a GPU paints each of them.

import {nextPicture} from './dom.js';
import {formatNumber, t} from './i18n.js';

const LEFT = 4, RIGHT = 4, TOP = 8, BOTTOM = 18; // px around the curve
const DOTS_BELOW = 90;   // columns with numbers: fewer are shown as dots too
const FIELDS = 7;        // of each column, see COLUMN
const COLUMN = {start: 0, end: 1, low: 2, high: 3, last: 4, sum: 5, n: 6};
const MANY = 2;          // numbers in a column: more are drawn as a band
const DENSE = 100;       // columns that are bands: from then on it is drawn half as often
const SLACK = 0.08;      // free space above and below, of the range
const SHRINK = 0.45;     // the scale is made finer when less than this of it is used

const all = new Set();
const plots = new Set(); // those in sight
let frame = 0, pictures = 0, made = 0;

function schedule() {
    frame ||= nextPicture(() => {
        frame = 0;
        pictures++;
        const now = performance.now();
        for (const plot of plots)
            plot.next(now);
        if (plots.size > 0)
            schedule();
    });
}

// Colours are those of style.css; another scheme means other colours.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
    all.forEach((plot) => plot.restyle()));

const visible = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries) {
        if (isIntersecting)
            plots.add(target.plot);
        else
            plots.delete(target.plot);
    }
    if (plots.size > 0)
        schedule();
});

const resized = new ResizeObserver((entries) =>
    entries.forEach(({target}) => target.plot.resize()));

/** A "nice" step of 1, 2 or 5 times a power of ten for about N steps in RANGE. */
function niceStep(range, n) {
    const power = 10 ** Math.floor(Math.log10(range / n)), mantissa = range / n / power;
    return power * (mantissa > 5 ? 10 : mantissa > 2 ? 5 : mantissa > 1 ? 2 : 1);
}

export class Plot {
    #columns = 0;
    #width = 0;      // ms of a column
    #keys;           // which column is kept at each place of the ring
    #points;         // FIELDS of each
    #dirty = true;
    #shown = 0;      // the newest column drawn
    #bands = 0;      // how many columns were bands
    #phase = made++; // which of two pictures is its own
    #low = NaN;
    #high = NaN;
    #style = null;

    constructor(canvas, series, seconds) {
        Object.assign(this, {canvas, series, seconds});
        canvas.plot = this;
        all.add(this);
        resized.observe(canvas);
        visible.observe(canvas);
    }

    remove() {
        resized.unobserve(this.canvas);
        visible.unobserve(this.canvas);
        plots.delete(this);
        all.delete(this);
    }

    /** Another series from now on. */
    follow(series) {
        this.series = series;
        this.show(this.seconds);
    }

    show(seconds) {
        this.seconds = seconds;
        this.#low = this.#high = NaN;
        this.#rebuild();
    }

    restyle() {
        this.#style = null;
        this.#dirty = true;
        this.draw(performance.now());
    }

    resize() {
        const {clientWidth, clientHeight} = this.canvas, ratio = devicePixelRatio || 1;
        const width = Math.round(clientWidth * ratio), height = Math.round(clientHeight * ratio);
        if (this.canvas.width !== width || this.canvas.height !== height) {
            this.canvas.width = width;
            this.canvas.height = height;
        }
        this.#rebuild();
    }

    add(time, value) {
        if (this.#columns === 0)
            return;
        const key = Math.floor(time / this.#width), place = this.#place(key);
        const points = this.#points, at = place * FIELDS;
        if (this.#keys[place] !== key) {
            this.#keys[place] = key;
            points[at + COLUMN.start] = time;
            points[at + COLUMN.low] = points[at + COLUMN.high] = value;
            points[at + COLUMN.sum] = points[at + COLUMN.n] = 0;
        }
        points[at + COLUMN.end] = time;
        points[at + COLUMN.low] = Math.min(points[at + COLUMN.low], value);
        points[at + COLUMN.high] = Math.max(points[at + COLUMN.high], value);
        points[at + COLUMN.last] = value;
        points[at + COLUMN.sum] += value;
        points[at + COLUMN.n]++;
        this.#dirty = true;
    }

    /** Times of before this page are negative. */
    #place(key) {
        return (key % this.#columns + this.#columns) % this.#columns;
    }

    #rebuild() {
        const pixels = this.canvas.clientWidth - LEFT - RIGHT;
        this.#columns = Math.max(Math.ceil(pixels) + 2, 0);
        if (pixels <= 0)
            this.#columns = 0;
        this.#width = this.seconds * 1000 / Math.max(pixels, 1);
        this.#keys = new Float64Array(this.#columns).fill(NaN);
        this.#points = new Float64Array(this.#columns * FIELDS);
        this.#dirty = true;
        this.series.forEach(performance.now() - this.seconds * 1000 - this.#width,
                            (time, value) => this.add(time, value));
        this.draw(performance.now());
    }

    /** In each picture; half of the dense ones wait for the next. */
    next(now) {
        if (this.#bands < DENSE || (pictures + this.#phase) % 2 === 0)
            this.draw(now);
    }

    draw(now) {
        const newest = Math.floor(now / this.#width);
        if (this.#columns === 0 || (!this.#dirty && newest === this.#shown))
            return;
        this.#dirty = false;
        this.#shown = newest;

        const {canvas} = this, ratio = devicePixelRatio || 1;
        const width = canvas.clientWidth, height = canvas.clientHeight;
        const context = canvas.getContext('2d');
        this.#readStyle();
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, width, height);
        context.font = this.#style.font;
        const columns = this.#visibleColumns(newest);
        this.#bands = columns.filter((at) => this.#points[at + COLUMN.n] > MANY).length;
        this.#scale(columns);
        const area = {
            width, height,
            x: (time) => width - RIGHT - (now - time) / this.#width,
            y: (value) => TOP + (this.#high - value) / (this.#high - this.#low) * (height - TOP - BOTTOM),
        };
        this.#drawTimes(context, area, now);
        if (columns.length === 0)
            return;
        this.#drawValues(context, area);
        context.save();
        context.beginPath();
        context.rect(LEFT, 0, width - LEFT - RIGHT + 3, height);
        context.clip();
        this.#drawGaps(context, area, columns, now);
        this.#drawBand(context, area, columns);
        this.#drawCurve(context, area, columns);
        context.restore();
    }

    /** Where in #points the columns that are to be seen begin, oldest first. */
    #visibleColumns(newest) {
        const found = [];
        for (let key = newest - this.#columns + 1; key <= newest; key++) {
            const place = this.#place(key);
            if (this.#keys[place] === key)
                found.push(place * FIELDS);
        }
        return found;
    }

    /** The range of values: grows at once, shrinks only when much of it is empty. */
    #scale(columns) {
        let low = Infinity, high = -Infinity;
        for (const at of columns) {
            low = Math.min(low, this.#points[at + COLUMN.low]);
            high = Math.max(high, this.#points[at + COLUMN.high]);
        }
        if (low > high)
            return;
        const range = high - low || Math.abs(high) * 0.1 || 1;
        const fits = low >= this.#low && high <= this.#high &&
            range > (this.#high - this.#low) * SHRINK;
        if (fits)
            return;
        const slack = high > low ? range * SLACK : range;
        this.#low = low - slack;
        this.#high = high + slack;
    }

    #readStyle() {
        if (this.#style)
            return;
        const style = getComputedStyle(this.canvas);
        this.#style = {
            font: `11px ${style.fontFamily}`,
            curve: style.getPropertyValue('--peer').trim() || style.color,
            grid: style.getPropertyValue('--grid').trim(),
            text: style.getPropertyValue('--faint').trim(),
            gap: style.getPropertyValue('--gap').trim(),
        };
    }

    #drawTimes(context, {width, height, x}, now) {
        const step = niceTime(this.seconds / Math.max(Math.floor(width / 110), 1));
        context.fillStyle = this.#style.text;
        context.textBaseline = 'bottom';
        context.textAlign = 'right';
        context.fillText(t('plot.now'), width - RIGHT, height - 2);
        context.textAlign = 'center';
        for (let age = step; age < this.seconds; age += step) {
            const at = x(now - age * 1000);
            if (at > 30 && at < width - 50)
                context.fillText(age % 60 === 0 ? t('plot.min', {n: age / 60}) : t('plot.s', {n: age}),
                                 at, height - 2);
        }
    }

    #drawValues(context, {width, height, y}) {
        const step = niceStep(this.#high - this.#low, Math.min(Math.max(height / 32, 1), 4));
        context.lineWidth = 1;
        context.strokeStyle = this.#style.grid;
        context.fillStyle = this.#style.text;
        context.textAlign = 'left';
        context.textBaseline = 'bottom';
        for (let value = Math.ceil(this.#low / step) * step; value <= this.#high; value += step) {
            const at = Math.round(y(value)) + 0.5;
            context.beginPath();
            context.moveTo(LEFT, at);
            context.lineTo(width - RIGHT, at);
            context.stroke();
            if (at > 14) // a sum of steps may be 1e-17 off zero
                context.fillText(formatNumber(Math.abs(value) < step / 1e6 ? 0 : value), LEFT, at - 1);
        }
    }

    #drawGaps(context, {height, x}, columns, now) {
        const limit = this.series.gapLimit;
        context.fillStyle = this.#style.gap;
        const shade = (from, to) => context.fillRect(x(from), TOP, x(to) - x(from), height - TOP - BOTTOM);
        for (let i = 1; i < columns.length; i++) {
            const before = this.#points[columns[i - 1] + COLUMN.end];
            const after = this.#points[columns[i] + COLUMN.start];
            if (after - before > limit)
                shade(before, after);
        }
        if (now - this.series.lastTime > limit)
            shade(this.series.lastTime, now);
    }

    /** Where the column begins, in whole pixels: no seams, and nothing to smooth. */
    #left({x}, at) {
        return Math.round(x(Math.floor(this.#points[at] / this.#width) * this.#width));
    }

    #mean({y}, at) {
        return y(this.#points[at + COLUMN.sum] / this.#points[at + COLUMN.n]);
    }

    /** Of dense columns the range, and the means as upright pieces: a path of as many points costs twice as much. */
    #drawBand(context, area, columns) {
        const points = this.#points, dense = columns.filter((at) => points[at + COLUMN.n] > MANY);
        context.fillStyle = this.#style.curve;
        context.globalAlpha = 0.3;
        for (const at of dense) {
            const top = area.y(points[at + COLUMN.high]);
            context.fillRect(this.#left(area, at), top, 1, Math.max(area.y(points[at + COLUMN.low]) - top, 1));
        }
        context.globalAlpha = 1;
        let before = -Infinity, last = 0;
        for (const at of dense) {
            const mean = this.#mean(area, at), left = this.#left(area, at), from = left - before === 1 ? last : mean;
            context.fillRect(left, Math.min(from, mean) - 0.75, 1, Math.abs(mean - from) + 1.5);
            before = left;
            last = mean;
        }
    }

    /** What is between two dense columns that touch is drawn already. */
    #drawCurve(context, area, columns) {
        const {x, y} = area, points = this.#points, limit = this.series.gapLimit;
        context.strokeStyle = context.fillStyle = this.#style.curve;
        context.lineWidth = 1.5;
        context.lineJoin = 'round';
        context.beginPath();
        const newest = columns[columns.length - 1];
        let before = null, dense = false;
        for (const at of columns) {
            const isDense = points[at + COLUMN.n] > MANY, low = points[at + COLUMN.low];
            const end = x(points[at + COLUMN.end]), last = points[at + COLUMN.last];
            if (at === newest && dense && !isDense)
                break; // its mean is still that of too few
            if (before === null || points[at + COLUMN.start] - points[before + COLUMN.end] > limit ||
                (dense && isDense && this.#left(area, at) - this.#left(area, before) === 1))
                context.moveTo(end, isDense ? this.#mean(area, at) : y(last));
            else if (isDense)
                context.lineTo(end, this.#mean(area, at));
            else {
                context.lineTo(end, y(low === last ? points[at + COLUMN.high] : low));
                context.lineTo(end, y(last));
            }
            before = at;
            dense = isDense;
        }
        context.stroke();
        for (const at of columns) {
            if (at !== newest && (columns.length >= DOTS_BELOW || points[at + COLUMN.n] > MANY))
                continue;
            context.beginPath();
            context.arc(x(points[at + COLUMN.end]), y(points[at + COLUMN.last]),
                        at === newest ? 3.5 : 2, 0, 2 * Math.PI);
            context.fill();
        }
    }
}

/** The next larger of the times that people count in, s. */
function niceTime(seconds) {
    return [5, 10, 15, 30, 60, 120, 300].find((step) => step >= seconds) ?? 600;
}
