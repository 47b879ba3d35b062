// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The ladder of a call: three lifelines (this page, the relay, the other side), an arrow for
// each frame in the order of time, and a bar for what then goes directly. A rung opens to
// show its frame.

import {$, bound, colour, h, say} from './dom.js';
import {clock, formatTime, has, t} from './i18n.js';
import {peerKey} from './js/rtcbus.js';
import {describeCandidate, explainSdp} from './explain.js';

const MAX_RUNGS = 400, MAX_CHOICES = 60;
const NEAR_END = 40; // px: who reads at the end wants to stay there
const KNOWN = ['call', 'offer', 'answer', 'candidate', 'bye', 'welcome', 'joined', 'left', 'error'];

const began = new Map(); // session → performance.now() of its first frame
const waiting = [];      // rungs that have not been drawn yet
let room, list, view, filter;

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
        waiting.length = 0;
        list.replaceChildren();
        filter.replaceChildren(filter.firstElementChild);
        showChosen();
    };
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
    default:
        return '';
    }
}

function timeOf(session, now) {
    if (session === undefined)
        return clock(new Date());
    if (!began.has(session)) {
        began.set(session, now);
        bound(began, MAX_RUNGS);
        return clock(new Date());
    }
    return `+${formatTime(now - began.get(session))}`;
}

function addFrame(frame, sent) {
    const peer = peerOf(frame, sent), fromRelay = !sent && frame.from === undefined;
    const type = KNOWN.includes(frame.type) ? frame.type : String(frame.type ?? '?').slice(0, 24);
    const detail = summarize(frame);
    const label = h('span', {className: 'label'}, h('b', {textContent: type}), ' ', detail);
    if (!fromRelay && peer !== '')
        label.append(h('i', {className: 'who', textContent: ` ${sent ? '→' : '←'} ${peerLabel(peer)}`}));
    addRung({
        peer, session: frame.session, label,
        kind: fromRelay ? 'relay' : sent ? 'out' : 'in',
        content: () => frameContent(frame, type),
    });
}

function addStep({peer, session, step, stats, label, text, at}) {
    const what = h('span', {className: 'label'}, h('b', {textContent: t(`step.${step}`)}), ' ');
    if (step === 'connected' && stats)
        what.append(`${stats.local?.type ?? '?'} ↔ ${stats.remote?.type ?? '?'}`);
    else if (step === 'channel')
        what.append(label);
    else if (step === 'number')
        what.append(text.slice(0, 24));
    what.append(h('i', {className: 'who', textContent: ` ${peerLabel(peer)}`}));
    addRung({peer, session, label: what, kind: 'direct', at,
             content: () => [h('p', {textContent: t(`step.${step}.why`)})]});
}

/** Rungs come into the document once a frame, however many there are. */
function addRung({peer, session, label, kind, content, at = performance.now()}) {
    const time = timeOf(session, at);
    if (waiting.length === 0)
        requestAnimationFrame(drawWaiting);
    else if (waiting.length >= MAX_RUNGS)
        waiting.shift();
    waiting.push(() => makeRung({peer, time, label, kind, content, at}));
}

function makeRung({peer, time, label, kind, content, at}) {
    const rung = h('details', {className: `rung ${kind}`},
        h('summary', {}, h('time', {textContent: time}),
          h('span', {className: 'lane'}, label, h('span', {className: 'arrow', 'aria-hidden': 'true'}))));
    rung.addEventListener('toggle', () => rung.childElementCount === 1 &&
        rung.append(h('div', {className: 'content'}, ...content())));
    const item = h('li', {className: peer && peer !== '*' ? colour(peer) : '', 'data-peer': peer}, rung);
    item.at = at;
    item.hidden = !isChosen(item);
    return item;
}

function drawWaiting() {
    const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < NEAR_END;
    for (const make of waiting.splice(0)) {
        const item = make();
        let before = list.lastElementChild; // a step may be told a little late
        while (before && before.at > item.at)
            before = before.previousElementSibling;
        if (before)
            before.after(item);
        else
            list.prepend(item);
        offerChoice(item.dataset.peer);
    }
    while (list.childElementCount > MAX_RUNGS)
        list.firstElementChild.remove();
    if (atEnd)
        view.scrollTop = view.scrollHeight;
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
    for (const item of list.children)
        item.hidden = !isChosen(item);
    list.classList.toggle('one', filter.value !== '');
    say($('ladder-me'), room.name || t('ladder.me'));
    say($('ladder-them'), filter.value ? peerLabel(filter.value) : t('ladder.them'));
    view.scrollTop = view.scrollHeight;
}

export function nameLadder() {
    say($('ladder-me'), room.name || t('ladder.me'));
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
