// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Pairing by a code, as "rtcbusctl pair" does it on a machine.

import {$, say} from './dom.js';
import {t} from './i18n.js';

export function startPairing(room) {
    const result = $('pair-result'), own = $('pair-own');

    async function follow(paired) {
        try {
            const {name} = await paired;
            say(result, t('pair.done', {name}));
        } catch (error) {
            say(result, t('pair.failed', {words: error.message}));
        }
        say(own, '');
    }

    $('pair').onsubmit = (event) => {
        event.preventDefault();
        say(result, t('pair.waiting'));
        follow(room.pair($('pair-code').value));
        $('pair-code').value = '';
    };
    $('pair-offer').onclick = () => {
        try {
            const {code, done} = room.offerPairing();
            say(result, t('pair.give'));
            follow(done);
            say(own, code);
        } catch (error) {
            say(result, t('pair.failed', {words: error.message}));
        }
    };
}
