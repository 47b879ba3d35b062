// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What is shown of one contact: its last number, the plot, and the state of the call.

import {breakable, colour, explained, h, say, sayKey, show} from './dom.js';
import {fileSender} from './files.js';
import {formatNumber, formatTime, t} from './i18n.js';
import {Plot} from './plot.js';

const FACTS_PERIOD = 500;
const SOON = 5000;         // ms: what takes longer is explained

function fact(name, title) {
    const value = h('dd');
    return {row: h('div', {className: 'fact'}, ...explained(t(name), title && t(title)), value), value};
}

function describeEnd(end) {
    return end ? `${t(`candidate.${end.type}`)} ${end.protocol} ${end.text || t('candidate.hidden')}` : '?';
}

export class Card {
    #contact;
    #room;
    #shown = 0;     // how many had come of the series when its value was shown
    #factsAt = 0;
    #facts = {};

    constructor(contact, room, seconds) {
        this.#contact = contact;
        this.#room = room;
        this.name = contact.name || t('peer.unnamed', {id: contact.id.slice(0, 8)});
        this.element = this.#build();
        this.plot = new Plot(this.#canvas, contact.readings.plot, seconds);
        this.update();
    }

    #canvas;
    #pill;
    #value;
    #note;
    #hang;
    #close;
    #keys;
    #send;
    #since = performance.now(); // of the state that is shown
    #list;
    #rows = new Map(); // series → {element, button, value, age}

    #build() {
        const titleId = `card-${Math.random().toString(36).slice(2)}`;
        this.#canvas = h('canvas', {className: 'plot', role: 'img', 'aria-label': t('plot.none')});
        this.#pill = h('p', {className: 'pill', role: 'status'});
        this.#value = h('p', {className: 'value', textContent: '–'});
        this.#note = h('p', {className: 'note'});
        this.#hang = h('button', {type: 'button', className: 'quiet'});
        this.#hang.onclick = () => {
            if (this.#contact.wanted || this.#contact.call)
                this.#contact.hangUp();
            else
                this.#room.keep(this.#contact.key);
        };
        this.#close = h('button', {type: 'button', className: 'quiet', textContent: t('card.remove')});
        this.#close.onclick = () => this.#room.forget(this.#contact);

        this.#send = fileSender(this.#contact);
        this.#keys = h('div', {className: 'keys', hidden: true});
        const numbers = h('dl', {className: 'facts'}), link = h('dl', {className: 'facts link'});
        for (const [list, name, title] of [
            [numbers, 'count'], [numbers, 'rate'], [numbers, 'gaps', 'gaps.title'], [numbers, 'age'],
            [numbers, 'missed', 'missed.title'],
            [link, 'path'], [link, 'rtt', 'rtt.title'], [link, 'setup', 'setup.title'],
            [link, 'trust', 'trust.title'], [link, 'code', 'code.title'],
            [link, 'fingerprint', 'fingerprint.title'],
        ]) {
            this.#facts[name] = fact(`fact.${name}`, title);
            list.append(this.#facts[name].row);
        }
        this.#facts.missed.row.hidden = true;
        this.#list = h('ul', {className: 'series', hidden: true});
        return h('article', {className: `panel card ${colour(this.#contact.key)}`,
                             'aria-labelledby': titleId, 'data-peer': this.#contact.key},
            h('header', {}, h('h3', {id: titleId},
                              h('span', {className: 'dot', 'aria-hidden': 'true'}), this.name),
              this.#pill, h('div', {className: 'row end'}, this.#hang, this.#close)),
            this.#note, this.#keys, this.#value, this.#canvas, this.#list, numbers,
            h('details', {className: 'more'},
              h('summary', {textContent: t('card.connection')}), link), this.#send);
    }

    remove() {
        this.plot.remove();
        this.element.remove();
    }

    /** The state of the call has changed. */
    update() {
        const contact = this.#contact, {call, reason} = contact;
        const state = call?.state === 'connected' && !call.open ? 'connecting' : contact.state;
        if (this.#pill.dataset.state !== state)
            this.#since = performance.now();
        say(this.#pill, t(`state.${state}`));
        this.#pill.dataset.state = state;
        this.#hang.textContent = contact.wanted || call ? t('call.hangup') : t('call.call');
        show(this.#close, !contact.wanted && !call);
        show(this.#send, state === 'connected');
        this.#showKeys(!call && reason === 'changed');
        this.#factsAt = 0;
        this.#showNote(performance.now());
    }

    /** What is going on, in a sentence, unless all is well. */
    #showNote(now) {
        const {call, wanted, reason, words, readings} = this.#contact, {state} = this.#pill.dataset;
        const long = now - this.#since > SOON;
        let key = '';
        if (!call && reason)
            key = `reason.${reason}`;
        else if (state === 'reconnecting' || (long && (state === 'calling' || state === 'connecting')))
            key = `doing.${state}`;
        else if (long && state === 'connected' && !readings.last)
            key = 'doing.nothing';
        const again = key.startsWith('reason.') && wanted ? ` ${t(`again.${whenAgain(reason)}`)}` : '';
        this.#note.classList.toggle('danger', key === 'reason.changed');
        const theirs = key.startsWith('reason.') && words ? ` ${t('reason.says', {name: this.name, words})}` : '';
        say(this.#note, key && t(key, {name: this.name}) + theirs + again);
        show(this.#note, key !== '');
    }

    /** Another key than before: both, for two people to compare by telephone. */
    #showKeys(changed) {
        const contact = this.#contact, known = changed && this.#room.trust.known(contact.name);
        show(this.#keys, Boolean(known));
        if (!known || !this.#keys.hidden && this.#keys.dataset.shown === contact.fingerprint)
            return;
        this.#keys.dataset.shown = contact.fingerprint;
        const forget = h('button', {type: 'button', textContent: t('card.forget')});
        forget.onclick = () => {
            this.#room.trust.forget(contact.name);
            this.#room.keep(contact.key);
        };
        const key = (title, code, fingerprint) => h('div', {}, h('dt', {textContent: t(title)}),
            h('dd', {className: 'code', textContent: code}), h('dd', {className: 'key'}, ...breakable(fingerprint)));
        this.#keys.replaceChildren(
            h('dl', {}, key('key.now', contact.code, contact.fingerprint),
              key('key.before', known.code, known.fingerprint)),
            h('p', {textContent: t('key.compare', {name: this.name})}), forget);
    }

    /** A reading has come. */
    add(series, time, value) {
        const {readings} = this.#contact;
        if (this.plot.series !== readings.plot)
            this.plot.follow(readings.plot);
        else if (series === readings.chosen && typeof value === 'number')
            this.plot.add(Math.max(time, readings.plot.lastTime), value);
    }

    #choose(name) {
        const {readings} = this.#contact;
        readings.chosen = name;
        readings.wish = null;
        this.plot.follow(readings.plot);
        this.#shown = 0;
        this.#factsAt = 0;
    }

    #row(name) {
        const value = h('span', {className: 'reading'}), age = h('span', {className: 'age'});
        const button = h('button', {type: 'button', className: 'quiet',
                                    textContent: name || t('series.plain')});
        button.onclick = () => this.#choose(name);
        const element = h('li', {'data-series': name}, button, value, age);
        this.#list.append(element);
        this.#rows.set(name, {button, value, age});
        return this.#rows.get(name);
    }

    /** Each series with its last value, once there are several. */
    #showSeries(now) {
        const {readings} = this.#contact;
        const shown = [...readings.series.values()].filter(({count}) => count > 0);
        show(this.#list, shown.length > 1);
        if (shown.length < 2)
            return;
        for (const series of shown) {
            const {button, value, age} = this.#rows.get(series.name) ?? this.#row(series.name);
            button.setAttribute('aria-pressed', series.name === readings.chosen);
            say(value, formatReading(series.value, series.unit));
            const old = now - series.at;
            say(age, Number.isFinite(old) ? t('unit.ago', {time: formatTime(old)}) : '');
        }
    }

    /** Some times a second. */
    frame(now) {
        const {last} = this.#contact.readings;
        if (last && last.count !== this.#shown) {
            this.#shown = last.count;
            say(this.#value, formatReading(last.value, last.unit));
            this.#value.dataset.value = last.value;
            this.#value.classList.toggle('text', typeof last.value !== 'number');
        }
        if (now - this.#factsAt >= FACTS_PERIOD) {
            this.#factsAt = now;
            this.#showFacts(now);
            this.#showSeries(now);
            this.#showNote(now);
        }
    }

    #fact(name, text) {
        say(this.#facts[name].value, text || '–');
    }

    #showFingerprint(text) {
        sayKey(this.#facts.fingerprint.value, text || '–');
    }

    #showFacts(now) {
        const contact = this.#contact, {readings, call} = contact, stats = call?.stats, series = readings.plot;
        const rate = series.rate(now), age = now - (readings.last?.at ?? -Infinity);
        this.#fact('count', readings.last && formatNumber(readings.last.count));
        this.#fact('missed', formatNumber(readings.missed));
        show(this.#facts.missed.row, readings.missed > 0);
        this.#fact('rate', !Number.isNaN(rate) && t('unit.rate', {n: formatNumber(rate, rate < 10 ? 2 : 3)}));
        this.#fact('gaps', series.gaps > 0 ? t('unit.gaps', {n: formatNumber(series.gaps),
                                                             time: formatTime(series.longestGap)})
            : series.count > 1 && t('unit.nogaps'));
        this.#fact('age', Number.isFinite(age) && (age < 1000 ? t('unit.justnow')
            : t('unit.ago', {time: formatTime(age)})));
        this.element.classList.toggle('stale', now - series.lastTime > series.gapLimit);
        show(this.#canvas, series.count > 0 || !readings.last); // texts have no curve
        this.#fact('path', stats && `${describeEnd(stats.local)} ↔ ${describeEnd(stats.remote)}`);
        this.#fact('rtt', stats && (Number.isNaN(stats.rtt) ? t('unit.unknown') : formatTime(stats.rtt)));
        this.#fact('setup', call && !Number.isNaN(call.setupTime) && formatTime(call.setupTime));
        this.#fact('trust', call?.trust && t(`trust.${call.trust}`));
        this.#fact('code', call && contact.code);
        this.#showFingerprint(call?.remoteFingerprint ?? '');
        if (series.count > 0)
            this.#canvas.setAttribute('aria-label', t('plot.label', {
                name: readings.chosen ? `${this.name}, ${readings.chosen}` : this.name,
                value: formatReading(readings.last?.value ?? series.last, readings.last?.unit ?? '')}));
    }
}

/** What was sent, as people read it: numbers with their unit, texts as they are. */
function formatReading(value, unit) {
    if (value instanceof Uint8Array)
        return t('series.bytes', {n: formatNumber(value.length)});
    const text = typeof value === 'number' ? formatNumber(value) : String(value).slice(0, 200);
    return unit ? `${text}\u202f${unit}` : text;
}

/** When a wanted contact is called again after REASON. */
function whenAgain(reason) {
    if (['away', 'bye', 'stopped', 'refused', 'untrusted'].includes(reason))
        return 'back';
    return reason === 'relay' ? 'relay' : 'soon';
}
