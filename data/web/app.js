// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The page: who we are, the parts, and what is told of the relay.

import {startCards} from './cards.js';
import {$, recall, remember, say, sayKey, show} from './dom.js';
import {startEmitting} from './emit.js';
import {startFiles} from './files.js';
import {language, otherLanguage, t, translate} from './i18n.js';
import {nameLadder, startLadder} from './ladder.js';
import {startPairing} from './pair.js';
import {showPeople} from './people.js';
import {Room, checkName} from './js/rtcbus.js';
import {takeToken} from './token.js';

const NAME_KEY = 'rtcbus.name';
const CALLS_KEY = `rtcbus.calls ${location.pathname}`; // of this tab: two of them are two peers

const PACE = 100; // ms: pictures are drawn less often than that

const path = location.pathname;
let room; // none in a browser that has no WebRTC

// ---- the relay -------------------------------------------------------------------

function showRelay() {
    const {state, problem, name, wanted, words} = room;
    const pill = $('relay');
    say(pill, t(`relay.${state}`, {name}));
    pill.dataset.state = state;
    show($('banner'), problem !== null && state !== 'connected' && state !== 'idle');
    if (problem) {
        const why = problem === 'refused' && words ? 'origin' : problem;
        say($('banner-text'), t(`problem.${why}`, {origin: location.origin, words}));
    }
    const taken = state === 'connected' && name !== wanted;
    say($('notice'), taken ? t('name.taken', {wanted, name}) : '');
    show($('notice'), taken);
    showWhen();
    nameLadder();
    sayKey($('own-fingerprint'), room.fingerprint);
    say($('own-code'), room.code);
    show($('own-key'), room.fingerprint !== '');
    show($('pairing'), room.fingerprint !== '');
}

function showWhen() {
    const n = Math.ceil((room.retryAt - performance.now()) / 1000);
    const waiting = room.state === 'waiting' && n > 0;
    say($('banner-when'), waiting ? t('problem.when', {n}) : t('problem.now'));
    $('retry').disabled = !waiting;
}

// ---- joining and leaving ---------------------------------------------------------

function join(name) {
    remember(NAME_KEY, name);
    show($('join'), false);
    show($('work'), true);
    show($('leave'), true);
    room.enter(name);
}

function leave() {
    const {wanted} = room;
    room.contacts.forEach((contact) => room.forget(contact));
    saveCalls();
    room.leave();
    remember(NAME_KEY, null);
    show($('work'), false);
    show($('leave'), false);
    askForName(wanted);
}

function askForName(name) {
    show($('join'), true);
    $('name').value = name;
    $('name').focus();
}

$('join').addEventListener('submit', (event) => {
    event.preventDefault();
    const name = $('name').value.trim(), problem = checkName(name);
    say($('name-problem'), problem ? t(problem) : '');
    if (!problem)
        join(name);
});

/** The calls outlive a reload, and with them the place in what was read. */
function saveCalls() {
    try {
        sessionStorage.setItem(CALLS_KEY, JSON.stringify(room.save()));
    } catch {
        // this browser keeps nothing
    }
}

function restoreCalls() {
    try {
        room.restore(JSON.parse(sessionStorage.getItem(CALLS_KEY) ?? '[]'));
    } catch (error) {
        console.warn('rtcbus: the calls of before:', error);
    }
}

// ---- the parts -------------------------------------------------------------------

function start() {
    translate(document);
    say($('room'), path === '/' ? t('room.default') : decodeURIComponent(path));
    document.title = `rtcbus ${path === '/' ? '' : decodeURIComponent(path)}`.trim();
    const other = $('language');
    other.lang = language === 'ja' ? 'en' : 'ja';
    other.textContent = language === 'ja' ? 'English' : '日本語';
    other.onclick = otherLanguage;

    if (!globalThis.RTCPeerConnection) {
        say($('banner-text'), t('problem.norelay'));
        show($('banner'), true);
        return;
    }
    room = new Room(path, {token: takeToken(), pace: PACE});
    const query = new URLSearchParams(location.search);
    listen();
    const wall = query.get('view') === 'wall';
    startCards(room, wall);
    startLadder(room);
    startEmitting(room);
    startFiles(room);
    startPairing(room);
    setInterval(showWhen, 500);
    showRelay();
    showPeople(room);
    restoreCalls();
    room.everybody = query.get('call') === 'all';
    const known = query.get('name') ?? recall(NAME_KEY) ?? (wall ? 'wall' : null); // nobody sits there
    if (known !== null && checkName(known) === null)
        join(known);
    else
        askForName(known ?? '');
}

function listen() {
    room.addEventListener('state', showRelay);
    for (const event of ['state', 'peers', 'contacts', 'listeners'])
        room.addEventListener(event, () => showPeople(room));
    $('call-all').onclick = () => room.keepAll();
    $('retry').onclick = () => room.retry();
    $('leave').onclick = leave;
    addEventListener('hashchange', () => {
        const token = takeToken();
        if (token !== room.token)
            room.token = token;
    });
    addEventListener('pagehide', () => {
        saveCalls();
        room.leave();
    });
    // A page that comes out of the browser's back-forward cache begins anew.
    addEventListener('pageshow', ({persisted}) => persisted && location.reload());
}

start();
