// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The ladder of a call: three lifelines (this page, the relay, the other side), an arrow for
// each frame in the order of cause, and a bar for what then goes directly. A rung opens to
// show its frame. With one peer chosen the times are since the beginning of each call.

import {$, bound, colour, h, say, show} from './dom.js';
import {describeCandidate, explainSdp} from './explain.js';
import {clock, formatTime, has, t} from './i18n.js';
import {peerKey} from './js/rtcbus.js';
import {answerLadders, askLadder} from './ladder-both.js';
import {LadderLog, toJson, toMermaid, toSvg} from './ladder-log.js';

const MAX_RUNGS = 400, MAX_CHOICES = 60;
const NEAR_END = 40; // px: who reads at the end wants to stay there
const KNOWN = ['call', 'offer', 'answer', 'candidate', 'bye', 'welcome', 'joined', 'left', 'error'];

const log = new LadderLog(MAX_RUNGS);
const began = new Map(); // session → performance.now() of its first frame
const drawn = new Map(); // entry → element
let room, list, view, filter, scheduled = false;
let theirs = null; // {name, entries} of the other end of the calls that are chosen

export function startLadder(source) {
    room = source;
    list = $('ladder');
    view = $('ladder-view');
    filter = $('ladder-filter');
    room.addEventListener('sent', ({detail}) => addFrame(detail, true));
    room.addEventListener('received', ({detail}) => addFrame(detail, false));
    room.addEventListener('step', ({detail}) => addStep(detail));
    filter.append(h('option', {value: '', textContent: t('ladder.all')}));
    filter.onchange = showChosen;
    $('ladder-clear').onclick = () => {
        log.clear();
        filter.replaceChildren(filter.firstElementChild);
        showChosen();
        draw();
    };
    $('ladder-save').onchange = save;
    $('ladder-ask').onclick = ask;
    room.addEventListener('contacts', showAsk);
    answerLadders(room, log);
    list.onkeydown = walk;
    list.addEventListener('focusin', ({target}) => target.matches('summary') && stopAt(target));
    showChosen();
}

/** The other side of FRAME as a key: "" is the relay, "*" everybody. */
function peerOf(frame, sent) {
    if (!sent)
        return frame.from === undefined ? relayPeer(frame) : peerKey(frame.from, room.peers.get(frame.from));
    return frame.to === undefined ? '*' : peerKey(frame.to, room.peers.get(frame.to));
}

function relayPeer(frame) {
    return frame.type === 'joined' || frame.type === 'left' ? peerKey(frame.id, frame.name) : '';
}

function peerLabel(key) {
    return key === '*' ? t('ladder.everyone') : /^[0-9a-f]{32}$/.test(key) ? key.slice(0, 8) : key;
}

function summarize(frame) {
    switch (frame.type) {
    case 'candidate':
        return describeCandidate(frame.candidate?.candidate) || t('ladder.nomore');
    case 'joined':
    case 'left':
        return frame.name || frame.id.slice(0, 8);
    case 'welcome':
        return t('ladder.peers', {n: frame.peers.length});
    case 'error':
        return frame.code;
    case 'bye':
        return typeof frame.reason === 'string' ? frame.reason.slice(0, 80) : '';
    default:
        return '';
    }
}

function addFrame(frame, sent) {
    const fromRelay = !sent && frame.from === undefined;
    add({
        peer: peerOf(frame, sent), session: frame.session, frame, kind: fromRelay ? 'relay' : sent ? 'out' : 'in',
        type: KNOWN.includes(frame.type) ? frame.type : String(frame.type ?? '?').slice(0, 24),
        detail: summarize(frame),
    });
}

function addStep({peer, session, step, stats, label, text, at}) {
    const detail = step === 'connected' && stats ? `${stats.local?.type ?? '?'} ↔ ${stats.remote?.type ?? '?'}`
        : step === 'channel' ? label : step === 'number' ? text.slice(0, 24) : '';
    add({peer, session, step, kind: 'direct', type: t(`step.${step}`), detail, at});
}

/** Rungs come into the document once a frame, however many there are. */
function add(entry) {
    entry.at ??= performance.now();
    if (entry.session !== undefined && !began.has(entry.session)) {
        began.set(entry.session, entry.at);
        bound(began, MAX_RUNGS);
    }
    log.add(entry);
    if (!scheduled)
        requestAnimationFrame(draw);
    scheduled = true;
}

function draw() {
    const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < NEAR_END;
    scheduled = false;
    for (const [entry, element] of drawn) {
        if (!log.entries.includes(entry)) {
            element.remove();
            drawn.delete(entry);
        }
    }
    let next = list.firstElementChild;
    for (const entry of log.entries) {
        if (!drawn.has(entry)) {
            drawn.set(entry, makeRung(entry));
            offerChoice(entry.peer);
        }
        const element = drawn.get(entry);
        if (element === next)
            next = next.nextElementSibling;
        else
            list.insertBefore(element, next);
    }
    needStop();
    if (atEnd)
        view.scrollTop = view.scrollHeight;
}

const rungsInSight = () => [...list.querySelectorAll('li:not([hidden]) > .rung > summary')];

/** The one rung that Tab leads to; from there it is arrow keys, for there may be hundreds. */
function stopAt(summary) {
    list.querySelectorAll('summary[tabindex="0"]').forEach((one) => { one.tabIndex = -1; });
    if (summary)
        summary.tabIndex = 0;
}

function needStop() {
    if (!list.querySelector('li:not([hidden]) > .rung > summary[tabindex="0"]'))
        stopAt(rungsInSight()[0]);
}

function walk(event) {
    const all = rungsInSight(), at = all.indexOf(document.activeElement);
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1}[event.key];
    if (at < 0 || to === undefined)
        return;
    event.preventDefault();
    all[to]?.focus();
}

function timeOf({session, at}) {
    return session !== undefined && filter.value !== '' ? `+${formatTime(at - began.get(session))}`
        : clock(new Date(performance.timeOrigin + at));
}

function makeRung(entry) {
    const {peer, kind, type, detail} = entry;
    const label = h('span', {className: 'label'}, h('b', {textContent: type}), ' ', detail);
    if (kind !== 'relay' && peer !== '')
        label.append(h('i', {className: 'who', textContent:
            ` ${{out: '→ ', in: '← '}[kind] ?? ''}${peerLabel(peer)}`}));
    const rung = h('details', {className: `rung ${kind}`},
        h('summary', {tabIndex: -1}, h('time', {textContent: timeOf(entry)}),
          h('span', {className: 'lane'}, label, h('span', {className: 'arrow', 'aria-hidden': 'true'}))));
    rung.addEventListener('toggle', () => rung.childElementCount === 1 &&
        rung.append(h('div', {className: 'content'}, ...content(entry))));
    const item = h('li', {className: peer && peer !== '*' ? colour(peer) : '', 'data-peer': peer}, rung);
    item.hidden = !isChosen(item);
    return item;
}

function content({step, frame, type}) {
    return step ? [h('p', {textContent: t(`step.${step}.why`)})] : frameContent(frame, type);
}

function offerChoice(peer) {
    const {options} = filter;
    if (peer === '' || peer === '*' || [...options].some((option) => option.value === peer))
        return;
    filter.append(h('option', {value: peer, textContent: peerLabel(peer)}));
    if (options.length > MAX_CHOICES)
        options[1].remove();
}

function isChosen(item) {
    const {peer} = item.dataset;
    return filter.value === '' || peer === filter.value || peer === '*';
}

function showChosen() {
    for (const [entry, item] of drawn) {
        item.hidden = !isChosen(item);
        say(item.querySelector('time'), timeOf(entry));
    }
    needStop();
    list.classList.toggle('one', filter.value !== '');
    say($('ladder-me'), room.name || t('ladder.me'));
    say($('ladder-them'), filter.value ? peerLabel(filter.value) : t('ladder.them'));
    view.scrollTop = view.scrollHeight;
    theirs = null;
    show($('ladder-both'), false);
    say($('ladder-told'), '');
    showAsk();
}

function showAsk() {
    show($('ladder-ask'), room.contacts.get(filter.value)?.state === 'connected');
}

/** The other end's view of the calls that are chosen, beside ours. */
async function ask() {
    const peer = filter.value;
    say($('ladder-told'), t('ladder.asking'));
    const told = await askLadder(room.contacts.get(peer)).catch(() => null);
    if (peer !== filter.value)
        return;
    theirs = told;
    say($('ladder-told'), told ? t('ladder.told', {name: told.name}) : t('ladder.untold'));
    show($('ladder-both'), told !== null);
    if (told) {
        const figure = new DOMParser().parseFromString(toSvg(...figureOf(peer)), 'image/svg+xml').documentElement;
        $('ladder-both').replaceChildren(document.importNode(figure, true));
    }
}

/** What toSvg() is given; with both ends, of the call that goes on alone. */
function figureOf(peer) {
    const session = room.contacts.get(peer)?.call?.session;
    const entries = log.of(peer).filter((entry) => !theirs || entry.session === session);
    return [entries, room.name || t('ladder.me'), peer || t('ladder.them'), fileWords(), theirs];
}

const fileWords = () => ({relay: t('ladder.relay'), everyone: t('ladder.everyone')});

export function nameLadder() {
    say($('ladder-me'), room.name || t('ladder.me'));
}

/** What is chosen, as a file of the kind that has been asked for. */
function save() {
    const kind = $('ladder-save').value, [entries, me, them, words] = figureOf(filter.value);
    $('ladder-save').value = '';
    if (entries.length === 0)
        return;
    const [text, type, suffix] = {
        svg: () => [toSvg(entries, me, them, words, theirs), 'image/svg+xml', 'svg'],
        json: () => [toJson(entries, me, theirs), 'application/json', 'json'],
        mermaid: () => [toMermaid(entries, me, words, theirs), 'text/plain', 'mmd'],
    }[kind]();
    const url = URL.createObjectURL(new Blob([text], {type}));
    h('a', {href: url, download: `rtcbus-${filter.value || 'calls'}.${suffix}`}).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** The frame as it was on the wire, but its SDP apart, line by line. */
function frameContent(frame, type) {
    const sdp = typeof frame.sdp === 'string' ? frame.sdp : frame.sdp?.sdp;
    const parts = has(`frame.${type}`) ? [h('p', {textContent: t(`frame.${type}`)})] : [];
    let shown = frame;
    if (typeof sdp === 'string')
        shown = {...frame, sdp: typeof frame.sdp === 'string' ? '…' : {...frame.sdp, sdp: '…'}};
    parts.push(h('pre', {textContent: JSON.stringify(shown, null, 2)}));
    if (typeof sdp === 'string')
        parts.push(h('div', {className: 'sdp'}, ...explainSdp(sdp).flatMap(({text, note}) =>
            [h('code', {textContent: text}), h('span', {textContent: note})])));
    return parts;
}
