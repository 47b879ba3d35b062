// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The cards of all contacts, in the order of their names; and the wall, which shows nothing else:
// a compact card for each, all in one screen, for a display that people look at from afar.

import {Card} from './card.js';
import {$, nextPicture, show} from './dom.js';
import {language, t} from './i18n.js';

const WALL_CARD = 1.5; // width to height

const cards = new Map(); // contact → Card
const collator = new Intl.Collator(language, {numeric: true});
let room, seconds;

export function startCards(source, wall) {
    room = source;
    seconds = () => Number(document.querySelector('input[name=window]:checked').value);
    $('window').onchange = () => cards.forEach((card) => card.plot.show(seconds()));
    $('wall').onclick = () => showWall(!document.body.classList.contains('wall'));
    addEventListener('resize', layOut);
    new ResizeObserver(layOut).observe($('work')); // it is hidden at first
    room.addEventListener('contacts', showCards);
    room.addEventListener('reading', ({detail: {contact, series, at, value}}) =>
        cards.get(contact)?.add(series, at, value));
    requestAnimationFrame(animate);
    showWall(wall);
}

function showWall(wall) {
    document.body.classList.toggle('wall', wall);
    $('wall').setAttribute('aria-pressed', wall);
    $('wall').textContent = t('numbers.wall');
    const url = new URL(location.href);
    if (wall)
        url.searchParams.set('view', 'wall');
    else
        url.searchParams.delete('view');
    if (url.href !== location.href)
        history.replaceState(history.state, '', url);
    layOut();
}

/** As many columns as make the cards of a wall fill the screen best. */
function layOut() {
    const box = $('cards'), n = Math.max(cards.size, 1);
    const height = Math.max(innerHeight - box.getBoundingClientRect().top, 200);
    const best = Math.ceil(Math.sqrt(n * box.clientWidth / height / WALL_CARD));
    const columns = Math.min(Math.max(best, 1), n);
    box.style.setProperty('--columns', columns);
    box.style.setProperty('--rows', Math.ceil(n / columns));
}

function showCards() {
    const before = cards.size;
    for (const [contact, card] of cards) {
        if (room.contacts.get(contact.key) !== contact) {
            card.remove();
            cards.delete(contact);
        }
    }
    for (const contact of room.contacts.values()) {
        if (!cards.has(contact))
            insert(contact, new Card(contact, room, seconds()));
        cards.get(contact).update();
    }
    show($('no-cards'), cards.size === 0);
    if (cards.size !== before)
        layOut();
}

function insert(contact, card) {
    const after = [...cards.values()].filter((other) => collator.compare(other.name, card.name) > 0)
        .sort((a, b) => collator.compare(a.name, b.name))[0];
    cards.set(contact, card);
    $('cards').insertBefore(card.element, after?.element ?? null);
}

function animate(now) {
    nextPicture(animate);
    for (const card of cards.values())
        card.frame(now);
}
