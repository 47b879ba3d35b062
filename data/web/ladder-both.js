// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The ladder of a call as the other end has seen it, if that is a page, too, or rtcbus-peer: it is
// asked over a channel of its own, and answers with what it has of the call with whoever asks, and no other.

import {bound} from './dom.js';
import {has, t} from './i18n.js';
import {printable} from './js/printable.js';
import {rungsOf} from './ladder-log.js';

const LABEL = 'ladder', PROTOCOL = 'rtcbus.ladder.1';
const PATIENCE = 5000;                             // ms for an answer
const MAX_RUNGS = 400, MAX_ANSWER = 200000;        // characters
const MAX_TYPE = 24, MAX_DETAIL = 80, MAX_NAME = 48;
const PAUSE = 1000, MAX_ASKERS = 64;               // ms between two answers to one
const WAYS = ['out', 'in', 'relay', 'direct'];

const answered = new Map(); // peer → when

/** Whoever asks is told what LOG has of its calls. */
export function answerLadders(room, log) {
    room.addEventListener('channel', ({detail: {peer, channel}}) => {
        if (channel.protocol !== PROTOCOL)
            return;
        channel.onmessage = ({data}) => {
            if (performance.now() - (answered.get(peer) ?? -Infinity) < PAUSE)
                return;
            answered.set(peer, performance.now());
            bound(answered, MAX_ASKERS);
            const entries = log.of(peer).filter(({session}) => session !== undefined && session === data);
            channel.send(answer(room.name, entries));
        };
    });
}

function answer(name, entries) {
    const say = (rungs) => JSON.stringify({name, now: performance.timeOrigin + performance.now(), rungs});
    const text = say(rungsOf(entries, -performance.timeOrigin));
    return text.length <= MAX_ANSWER ? text
        : say(rungsOf(entries.slice(0, MAX_RUNGS), -performance.timeOrigin).map((rung) => ({...rung, frame: undefined})));
}

/**
 * What CONTACT has of its call with us: {name, entries}, with times of our clock. Its own is set by
 * the time that the question takes, there and back.
 */
export async function askLadder(contact) {
    const {session} = contact.call, channel = await contact.channel(LABEL, {protocol: PROTOCOL});
    try {
        const asked = performance.now();
        const text = await new Promise((resolve, reject) => {
            channel.onmessage = ({data}) => resolve(data);
            channel.onclose = reject;
            setTimeout(reject, PATIENCE);
            channel.send(session);
        });
        return read(text, (asked + performance.now()) / 2, contact);
    } finally {
        channel.close();
    }
}

/** Nothing that it says is believed to be in order. */
function read(text, at, {key: peer}) {
    const {name, now, rungs} = JSON.parse(text.slice(0, MAX_ANSWER));
    const detailOf = ({type, detail}) => type === 'candidate' && detail === '' ? t('ladder.nomore') : printable(detail, MAX_DETAIL);
    const typeOf = ({step, type}) => has(`step.${step}`) ? t(`step.${step}`) : printable(type, MAX_TYPE);
    const entries = rungs.slice(0, MAX_RUNGS).map(({ms, way, step, type, detail, frame}) => ({
        at: at + Number(ms) - Number(now), kind: WAYS.includes(way) ? way : 'direct', peer,
        type: typeOf({step, type}), detail: detailOf({type, detail}), frame}));
    return {name: printable(name, MAX_NAME) || peer, entries: entries.filter((entry) => Number.isFinite(entry.at))
        .sort((a, b) => a.at - b.at)};
}
