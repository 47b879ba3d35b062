// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What the ladder shows, in the order of cause, and as files to take away: JSON, Mermaid, SVG.
//
// A browser tells some steps late and in any order. Of one call, a path comes before its channel
// and that before its first number, whatever the clock says; all else is in the order of time.

const RANKS = {connected: 1, channel: 2, number: 3};

/** Entries are {at (ms), session, peer (key, "" is the relay, "*" everybody), kind (out, in, relay, direct), type, detail, frame}. */
export class LadderLog {
    entries = [];
    #size;

    constructor(size) {
        this.#size = size;
    }

    /** ENTRY gets its place, and the time of the one that it has caused if that was told earlier. */
    add(entry) {
        let place = this.entries.findLastIndex((other) => other.at <= entry.at) + 1;
        const effect = this.entries.findIndex((other) => entry.session !== undefined &&
            other.session === entry.session && RANKS[other.step] > RANKS[entry.step]);
        if (effect >= 0 && effect < place) {
            place = effect;
            entry.at = this.entries[effect].at;
        }
        this.entries.splice(place, 0, entry);
        while (this.entries.length > this.#size)
            this.entries.shift();
    }

    clear() {
        this.entries.length = 0;
    }

    /** Those of the calls with PEER; all if it is "". */
    of(peer) {
        return this.entries.filter((entry) => peer === '' || entry.peer === peer || entry.peer === '*');
    }
}

const hide = (key, value) => key === 'username' || key === 'credential' ? '…' : value;

/** What signs ICE's checks, and what opens TURN servers, is nobody else's business. */
function withoutSecrets(frame) {
    return JSON.parse(JSON.stringify(frame ?? null, hide).replace(/a=ice-pwd:[^\\]*/g, 'a=ice-pwd:…'));
}

/** ENTRIES as they are told to others, with ms since BEGAN. */
export function rungsOf(entries, began) {
    return entries.map(({at, session, peer, kind, step, type, detail, frame}) => ({
        ms: Math.round((at - began) * 10) / 10, session, peer, way: kind, step, type, detail,
        frame: withoutSecrets(frame) ?? undefined}));
}

/** THEIRS: {name, entries} of the other end, or null. */
export function toJson(entries, me, theirs) {
    const began = entries[0]?.at ?? 0;
    return JSON.stringify({
        me, begun: new Date(performance.timeOrigin + began).toISOString(), rungs: rungsOf(entries, began),
        other: theirs ? {name: theirs.name, rungs: rungsOf(theirs.entries, began)} : undefined,
    }, null, 2);
}

const ms = (entry, entries) => {
    const age = Math.round(entry.at - entries[0].at);
    return `${age < 0 ? '−' : '+'}${Math.abs(age)} ms`;
};

/** In the order of time, each with .theirs if it is one of those. */
function inTime(entries, theirs) {
    return [...entries.map((entry) => ({entry, theirs: false})),
            ...(theirs?.entries ?? []).map((entry) => ({entry, theirs: true}))]
        .sort((a, b) => a.entry.at - b.entry.at);
}

/** A sequence diagram of Mermaid, which wants no semicolon and no number sign in texts. */
export function toMermaid(entries, me, words, theirs) {
    const clean = (text) => text.replace(/[;#\n:]/g, (c) => ({':': '꞉'})[c] ?? ' ');
    const peers = [...new Set(entries.map(({peer}) => peer).filter((peer) => peer !== ''))];
    const id = (peer) => `p${peers.indexOf(peer)}`;
    const lines = inTime(entries, theirs).map(({entry, theirs: isTheirs}) => {
        const text = clean(`${entry.type} ${entry.detail} (${ms(entry, entries)})`);
        const {kind, peer} = entry;
        if (isTheirs)
            return `    Note over ${id(peer)}: ${{out: '→', in: '←', relay: '←', direct: '↔'}[kind]} ${text}`;
        if (kind === 'relay')
            return `    relay-->>me: ${text}`;
        if (kind === 'direct')
            return `    me<<->>${id(peer)}: ${text}`;
        return kind === 'out' ? `    me->>${id(peer)}: ${text}` : `    ${id(peer)}->>me: ${text}`;
    });
    return ['sequenceDiagram', `    participant me as ${clean(me)}`, `    participant relay as ${clean(words.relay)}`,
            ...peers.map((peer) => `    participant ${id(peer)} as ${clean(peer === '*' ? words.everyone : peer)}`),
            ...lines, ''].join('\n');
}

const ROW = 34, HEAD = 40, WIDTH = 760, LEFT = 90; // px
const WIDTH_OF_BOTH = 490; // of each, if there are two
const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function svgRung(entry, {all, width, alone}, row) {
    const y = HEAD + ROW * (row + 1), middle = (LEFT + width - 20) / 2, most = (width - LEFT) / 8;
    const {kind, peer} = entry, right = kind === 'relay' ? middle : width - 20;
    const colour = kind === 'direct' ? '#0f766e' : kind === 'relay' ? '#5d6a63' : '#34418f';
    const start = kind === 'out' ? '' : ' marker-start="url(#arrow)"', end = kind === 'in' || kind === 'relay' ? '' : ' marker-end="url(#arrow)"';
    const who = peer && kind !== 'relay' && !alone ? ` (${peer})` : '';
    return `<text x="${LEFT - 8}" y="${y}" text-anchor="end" fill="#5d6a63">${ms(entry, all)}</text>` +
        `<text x="${(LEFT + right) / 2}" y="${y - 5}" text-anchor="middle" paint-order="stroke" stroke="#fff" stroke-width="3"><tspan font-weight="bold">${escape(entry.type)}</tspan> ` +
        `${escape(`${entry.detail}${who}`.slice(0, Math.max(most - entry.type.length, 0)))}</text>` +
        `<line x1="${LEFT + 2}" y1="${y}" x2="${right - 2}" y2="${y}" stroke="${colour}" stroke-width="${kind === 'direct' ? 3 : 1.5}"${start}${end}/>`;
}

/** One end's view: its lifelines, and its rungs at their ROWS; DX to the right. */
function svgEnd(common, {entries, me, them, dx}) {
    const {rows, words, height, width} = common, right = width - 20, middle = (LEFT + right) / 2;
    const life = (x, dash) => `<line x1="${x}" y1="${HEAD - 8}" x2="${x}" y2="${height - 10}" stroke="#5d6a63"${dash}/>`;
    return `<g transform="translate(${dx} 0)"><text x="${LEFT}" y="20" font-weight="bold">${escape(me)}</text>` +
        `<text x="${middle}" y="20" text-anchor="middle">${escape(words.relay)}</text>` +
        `<text x="${right}" y="20" text-anchor="end" font-weight="bold">${escape(them)}</text>` +
        life(LEFT, '') + life(middle, ' stroke-dasharray="4 3"') + life(right, '') +
        entries.map((entry) => svgRung(entry, common, rows.get(entry))).join('') + '</g>';
}

/** Both ends side by side, if THEIRS is not null: what is later is lower, at either. */
export function toSvg(entries, me, them, words, theirs) {
    const rows = new Map(inTime(entries, theirs).map(({entry}, i) => [entry, i]));
    const height = HEAD + ROW * (rows.size + 1), one = theirs ? WIDTH_OF_BOTH : WIDTH;
    const common = {rows, all: entries, words, height, width: one, alone: theirs !== null}, width = one * (theirs ? 2 : 1);
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
        'font-family="sans-serif" font-size="12">' +
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto-start-reverse">' +
        '<path d="M0 0 8 4 0 8z" fill="#34418f"/></marker></defs><rect width="100%" height="100%" fill="#fff"/>' +
        svgEnd(common, {entries, me, them, dx: 0}) +
        (theirs ? svgEnd(common, {entries: theirs.entries, me: theirs.name, them: me, dx: one}) : '') + '</svg>\n';
}
