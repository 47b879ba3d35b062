// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The list of who is in the room. Its rows stay what they are while others come and go, so
// that a button does not vanish under a finger.

import {peerKey} from './contacts.js';
import {$, colour, h, say, show} from './dom.js';
import {t} from './i18n.js';

const rows = new Map(); // id → {element, state, button}

function makeRow(id, name, contacts) {
    const shown = name || t('peer.unnamed', {id: id.slice(0, 8)});
    const state = h('span', {className: 'state'});
    const button = h('button', {type: 'button'});
    button.onclick = () => {
        const contact = contacts.contacts.get(peerKey(id, name));
        if (contact?.wanted || contact?.call)
            contacts.hangUp(contact);
        else
            contacts.place(id);
    };
    const element = h('li', {className: colour(peerKey(id, name)), 'data-peer': peerKey(id, name)},
        h('span', {className: 'dot', 'aria-hidden': 'true'}),
        h('span', {className: 'who'},
          h('span', {className: 'name', textContent: shown, title: id}), state), button);
    return {element, state, button, shown};
}

export function showPeople(signaling, contacts) {
    const list = $('people');
    for (const [id, row] of rows) {
        if (!signaling.members.has(id)) {
            row.element.remove();
            rows.delete(id);
        }
    }
    let callable = false;
    for (const [id, name] of signaling.members) {
        if (!rows.has(id)) {
            rows.set(id, makeRow(id, name, contacts));
            list.append(rows.get(id).element);
        }
        const {state, button, shown} = rows.get(id);
        const contact = contacts.contacts.get(peerKey(id, name));
        const busy = Boolean(contact?.wanted || contact?.call);
        const listens = contacts.listeners.some((call) => call.remote === id);
        callable ||= !busy;
        say(state, contact?.call ? t(`state.${contact.state}`) : listens ? t('state.listens') : '');
        say(button, busy ? t('call.hangup') : t('call.call'));
        button.className = busy ? 'quiet' : '';
        button.setAttribute('aria-label', `${button.textContent}: ${shown}`);
    }
    show($('nobody'), signaling.members.size === 0 && signaling.state === 'connected');
    $('call-all').disabled = !callable;
}
