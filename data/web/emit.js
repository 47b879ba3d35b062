// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// We emit, too: a slider whose value goes to everybody who has called us, and values of any
// series, with a unit.

import {$, say} from './dom.js';
import {formatNumber, t} from './i18n.js';
import {parseNumber} from './js/rtcbus.js';

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
    $('publish').onsubmit = (event) => {
        event.preventDefault();
        publishFields(room, event.target.elements);
    };
    repeat.checked = false; // a browser may restore what was there before a reload
    say(value, formatNumber(slider.valueAsNumber));
    showListeners();
}

/** A decimal comma is one, too: people write so. */
function publishFields(room, {value, series, unit, kind}) {
    const text = value.value.trim(), number = parseNumber(text.replace(/^([^,.]*),([^,.]*)$/, '$1.$2'));
    const isNumber = kind.value === 'number' || (kind.value === 'auto' && !Number.isNaN(number));
    try {
        room.publish(isNumber ? number : text, {series: series.value.trim(), unit: unit.value.trim()});
        say($('published'), t('publish.done', {value: `${isNumber ? formatNumber(number) : text} ${unit.value}`,
                                               series: series.value || t('series.plain')}));
        value.value = '';
    } catch (error) {
        say($('published'), t('publish.failed', {words: error.message}));
    }
}
