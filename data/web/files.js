// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Files that peers offer us, each with a question first; and one that goes to a peer, from its card.

import {$, h, say, show} from './dom.js';
import {formatNumber, t} from './i18n.js';

const MAX_SHOWN = 30;

const percent = (there, size) => size > 0 ? Math.floor(100 * there / size) : 100;

export function startFiles(room) {
    room.addEventListener('file', ({detail}) => showOffer(detail));
}

function showOffer(offer) {
    const what = h('p', {textContent: t('files.offer', {
        peer: offer.peer, name: offer.name, n: formatNumber(offer.size)})});
    const state = h('p', {className: 'hint', role: 'status'});
    const take = h('button', {type: 'button', textContent: t('files.take')});
    const refuse = h('button', {type: 'button', className: 'quiet', textContent: t('files.refuse')});
    const row = h('div', {className: 'row'}, take, refuse);
    const item = h('li', {}, what, row, state);
    const decide = (decision) => () => {
        row.remove();
        decision();
    };
    take.onclick = decide(offer.accept);
    refuse.onclick = decide(offer.refuse);
    offer.progress = (got, size) => say(state, t('files.progress', {n: percent(got, size)}));
    offer.done.then((files) => {
        say(state, t(files.length > 0 ? 'files.whole' : 'files.refused'));
        for (const file of files)
            item.append(h('a', {href: URL.createObjectURL(file), download: file.name, textContent: file.name}));
    }, (error) => {
        row.remove();
        say(state, t('files.failed', {words: error.message}));
    });
    $('file-list').prepend(item);
    show($('files'), true);
    while ($('file-list').childElementCount > MAX_SHOWN)
        drop($('file-list').lastElementChild);
}

function drop(item) {
    item.querySelectorAll('a').forEach(({href}) => URL.revokeObjectURL(href));
    item.remove();
}

/** What sends a file to CONTACT: for its card. */
export function fileSender(contact) {
    const state = h('span', {className: 'hint', role: 'status'});
    const input = h('input', {type: 'file', className: 'hidden'});
    input.onchange = async () => {
        const [file] = input.files;
        if (!file)
            return;
        input.value = '';
        say(state, t('files.asked', {name: file.name}));
        try {
            await contact.send(file, {progress: (there, size) =>
                say(state, t('files.sending', {name: file.name, n: percent(there, size)}))});
            say(state, t('files.sent', {name: file.name}));
        } catch (error) {
            say(state, t('files.failed', {words: error.message}));
        }
    };
    return h('div', {className: 'row send'},
        h('label', {className: 'button'}, input, t('files.send')), state);
}
