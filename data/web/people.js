// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The list of who is in the room. Its rows stay what they are while others come and go, so
// that a button does not vanish under a finger.

import {$, colour, h, say, show} from './dom.js';
import {t} from './i18n.js';
import {peerKey} from './js/rtcbus.js';

const rows = new Map(); // id → {element, state, button}

function makeRow(id, name, room) {
    const shown = name || t('peer.unnamed', {id: id.slice(0, 8)});
    const state = h('span', {className: 'state'});
    const button = h('button', {type: 'button'});
    button.onclick = () => {
        const contact = room.contacts.get(peerKey(id, name));
        if (contact?.wanted || contact?.call)
            contact.hangUp();
        else
            room.keep(id);
    };
    const element = h('li', {className: colour(peerKey(id, name)), 'data-peer': peerKey(id, name)},
        h('span', {className: 'dot', 'aria-hidden': 'true'}),
        h('span', {className: 'who'},
          h('span', {className: 'name', textContent: shown}), state), button);
    return {element, state, button, shown};
}

export function showPeople(room) {
    const list = $('people');
    for (const [id, row] of rows) {
        if (!room.peers.has(id)) {
            row.element.remove();
            rows.delete(id);
        }
    }
    let callable = false;
    for (const [id, name] of room.peers) {
        if (!rows.has(id)) {
            rows.set(id, makeRow(id, name, room));
            list.append(rows.get(id).element);
        }
        const {state, button, shown} = rows.get(id);
        const contact = room.contacts.get(peerKey(id, name));
        const busy = Boolean(contact?.wanted || contact?.call);
        const listens = room.listeners.some((call) => call.remote === id);
        callable ||= !busy;
        say(state, contact?.call ? t(`state.${contact.state}`) : listens ? t('state.listens') : '');
        say(button, busy ? t('call.hangup') : t('call.call'));
        button.className = busy ? 'quiet' : '';
        button.setAttribute('aria-label', `${button.textContent}: ${shown}`);
    }
    say($('nobody'), room.state === 'connected' ? t('people.nobody') : t('people.unknown'));
    show($('nobody'), room.peers.size === 0);
    $('call-all').disabled = !callable;
}
