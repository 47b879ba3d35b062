// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The page: who we are, the parts, and what is told of the relay.

import {Card} from './card.js';
import {Contacts} from './contacts.js';
import {$, recall, remember, say, show} from './dom.js';
import {startEmitting} from './emit.js';
import {language, otherLanguage, t, translate} from './i18n.js';
import {codeOf, fingerprintOfOwn, ownCertificate} from './identity.js';
import {nameLadder, startLadder} from './ladder.js';
import {showPeople} from './people.js';
import {Signaling, checkName} from './signaling.js';
import {takeToken} from './token.js';

const NAME_KEY = 'rtcbus.name';
const CALLS_KEY = `rtcbus.calls ${location.pathname}`; // of this tab: two of them are two peers
const IDENTITY_LIMIT = 5000; // ms; then it goes without

const room = location.pathname;
const signaling = new Signaling(room);
const contacts = new Contacts(signaling);
const cards = new Map(); // contact → Card
let identity;            // a promise: our key is loaded
const seconds = () => Number(document.querySelector('input[name=window]:checked').value);

// ---- the relay -------------------------------------------------------------------

function showRelay() {
    const {state, problem, name, wanted, words} = signaling;
    const pill = $('relay');
    say(pill, t(`relay.${state}`, {name}));
    pill.dataset.state = state;
    show($('banner'), problem !== null && state !== 'connected' && state !== 'idle');
    if (problem)
        say($('banner-text'), t(`problem.${problem}`, {origin: location.origin, words}));
    const taken = state === 'connected' && name !== wanted;
    say($('notice'), taken ? t('name.taken', {wanted, name}) : '');
    show($('notice'), taken);
    showWhen();
    nameLadder();
}

function showWhen() {
    const n = Math.ceil((signaling.retryAt - performance.now()) / 1000);
    const waiting = signaling.state === 'waiting' && n > 0;
    say($('banner-when'), waiting ? t('problem.when', {n}) : t('problem.now'));
    $('retry').disabled = !waiting;
}

// ---- joining and leaving ---------------------------------------------------------

async function join(name) {
    remember(NAME_KEY, name);
    show($('join'), false);
    show($('work'), true);
    show($('leave'), true);
    await Promise.race([identity, new Promise((resolve) => setTimeout(resolve, IDENTITY_LIMIT))]);
    if (!$('work').hidden) // not left meanwhile
        signaling.join(name);
}

function leave() {
    contacts.stop();
    contacts.contacts.forEach((contact) => contacts.forget(contact));
    saveCalls();
    signaling.leave();
    remember(NAME_KEY, null);
    show($('work'), false);
    show($('leave'), false);
    askForName(signaling.wanted);
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
        sessionStorage.setItem(CALLS_KEY, JSON.stringify(contacts.save()));
    } catch {
        // this browser keeps nothing
    }
}

function restoreCalls() {
    try {
        contacts.restore(JSON.parse(sessionStorage.getItem(CALLS_KEY) ?? '[]'));
    } catch (error) {
        console.warn('rtcbus: the calls of before:', error);
    }
}

/** Our key: without one that is kept we would be somebody else at each call. */
async function loadIdentity() {
    try {
        contacts.certificate = await ownCertificate();
        const fingerprint = await fingerprintOfOwn(contacts.certificate);
        say($('own-fingerprint'), fingerprint);
        say($('own-code'), codeOf(fingerprint));
        show($('own-key'), true);
    } catch (error) {
        console.warn('rtcbus: no certificate of our own:', error);
    }
}

// ---- the parts -------------------------------------------------------------------

function showCards() {
    for (const [contact, card] of cards) {
        if (contacts.contacts.get(contact.key) !== contact) {
            card.remove();
            cards.delete(contact);
        }
    }
    for (const contact of contacts.contacts.values()) {
        if (!cards.has(contact)) {
            const card = new Card(contact, contacts, seconds());
            cards.set(contact, card);
            $('cards').append(card.element);
        }
        cards.get(contact).update();
    }
    show($('no-cards'), cards.size === 0);
}

function animate(now) {
    requestAnimationFrame(animate);
    for (const card of cards.values())
        card.frame(now);
}

function start() {
    signaling.token = takeToken();
    translate(document);
    say($('room'), room === '/' ? t('room.default') : decodeURIComponent(room));
    document.title = `rtcbus ${room === '/' ? '' : decodeURIComponent(room)}`.trim();
    const other = $('language');
    other.lang = language === 'ja' ? 'en' : 'ja';
    other.textContent = language === 'ja' ? 'English' : '日本語';
    other.onclick = otherLanguage;

    startLadder(signaling, contacts);
    startEmitting(contacts);
    const showRoom = () => showPeople(signaling, contacts);
    signaling.addEventListener('state', showRelay);
    for (const event of ['state', 'members'])
        signaling.addEventListener(event, showRoom);
    for (const event of ['contacts', 'listeners'])
        contacts.addEventListener(event, showRoom);
    contacts.addEventListener('contacts', showCards);
    contacts.addEventListener('reading', ({detail: {contact, series, time, value}}) =>
        cards.get(contact)?.add(series, time, value));

    $('call-all').onclick = () => contacts.placeAll();
    $('retry').onclick = () => signaling.retry();
    $('leave').onclick = leave;
    $('window').onchange = () => cards.forEach((card) => card.plot.show(seconds()));
    addEventListener('hashchange', () => {
        const token = takeToken();
        if (token !== signaling.token)
            signaling.setToken(token);
    });
    addEventListener('pagehide', () => {
        saveCalls();
        contacts.stop();
        signaling.leave();
    });
    // A page that comes out of the browser's back-forward cache begins anew.
    addEventListener('pageshow', ({persisted}) => persisted && location.reload());
    setInterval(showWhen, 500);
    requestAnimationFrame(animate);
    showRelay();
    showRoom();

    if (!globalThis.RTCPeerConnection) {
        say($('banner-text'), t('problem.norelay'));
        show($('banner'), true);
        return;
    }
    identity = loadIdentity();
    restoreCalls();
    const query = new URLSearchParams(location.search);
    contacts.everybody = query.get('call') === 'all';
    const known = query.get('name') ?? recall(NAME_KEY);
    if (known !== null && checkName(known) === null)
        join(known);
    else
        askForName(known ?? '');
}

start();
