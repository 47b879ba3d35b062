// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// We emit, too: a slider whose value goes to everybody who has called us.

import {$, say} from './dom.js';
import {formatNumber, t} from './i18n.js';

const REPEAT = 1000; // ms

export function startEmitting(room) {
    const slider = $('emit'), repeat = $('repeat'), value = $('emit-value');
    let timer = 0;

    function publish() {
        room.publish(slider.valueAsNumber);
    }
    function moved() {
        say(value, formatNumber(slider.valueAsNumber));
        publish();
    }
    function showListeners() {
        const names = room.listeners.map((call) => call.peer);
        const pill = $('listeners');
        say(pill, t('emit.listeners', {n: names.length}));
        say($('listener-names'), names.join(', '));
        pill.dataset.state = names.length > 0 ? 'connected' : 'closed';
    }

    room.addEventListener('listeners', showListeners);
    slider.addEventListener('input', moved);
    repeat.addEventListener('change', () => {
        clearInterval(timer);
        if (repeat.checked) {
            publish();
            timer = setInterval(publish, REPEAT);
        }
    });
    repeat.checked = false; // a browser may restore what was there before a reload
    say(value, formatNumber(slider.valueAsNumber));
    showListeners();
}
