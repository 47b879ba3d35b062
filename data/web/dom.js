// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The little that is needed to make elements. Text goes in as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** An element with properties (and data-, aria- attributes) and children. */
export function h(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (name.includes('-') || name === 'role' || name === 'lang')
            element.setAttribute(name, value);
        else
            element[name] = value;
    }
    element.append(...children);
    return element;
}

/** Sets text only if it is another: nothing flickers, nothing is announced twice. */
export function say(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

/** A fingerprint may break behind each colon, and is still copied as it is. */
export function breakable(text) {
    return text.split(/(?<=:)/).flatMap((part) => [part, h('wbr')]);
}

export function sayKey(element, text) {
    if (element.textContent !== text)
        element.replaceChildren(...breakable(text));
}

export function show(element, visible) {
    if (element.hidden === visible)
        element.hidden = !visible;
}

/** What was kept in this browser; a browser that keeps nothing is fine. */
export function recall(key) {
    try {
        return localStorage.getItem(key);
    } catch {
        return null;
    }
}

/** Keeps VALUE; null forgets it. */
export function remember(key, value) {
    try {
        if (value === null)
            localStorage.removeItem(key);
        else
            localStorage.setItem(key, value);
    } catch {
        // cookies and the like are blocked
    }
}

const PERIOD = 200; // ms: faster than that nobody reads, and each picture costs

/** ACTION(now) in the next picture; all that ask for one are in the same. */
export function nextPicture(action) {
    return setTimeout(requestAnimationFrame, PERIOD - performance.now() % PERIOD, action);
}

/** Keeps MAP from growing with all who ever came: the oldest entry goes. */
export function bound(map, size) {
    if (map.size > size)
        map.delete(map.keys().next().value);
}

const COLOURS = 12;

/** The colour of a peer by its name, the same everywhere and at each visit: a class of style.css. */
export function colour(key) {
    let hash = 0;
    for (const character of key)
        hash = (Math.imul(hash, 31) + character.codePointAt(0)) >>> 0;
    return `c${hash % COLOURS + 1}`;
}

/** A term that opens its explanation, for mouse, keyboard and finger: [term, explanation]. */
export function explained(term, explanation) {
    if (!explanation)
        return [h('dt', {textContent: term})];
    const why = h('dd', {className: 'why', textContent: explanation, hidden: true});
    const button = h('button', {type: 'button', className: 'term', textContent: term, 'aria-expanded': 'false'});
    button.onclick = () => {
        why.hidden = !why.hidden;
        button.setAttribute('aria-expanded', String(!why.hidden));
    };
    return [h('dt', {}, button), why];
}
