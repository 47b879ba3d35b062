// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Who the others are: a relay that introduces two peers could introduce itself. Their keys are
// remembered by name at the first connected call, as rtcbus-peer does with Policy=tofu, and
// by a pairing; a name with another key is refused. The browser holds DTLS to the fingerprint
// in the SDP, and we look at that one.

import {RtcbusError} from './event.js';
import {codeOf} from './sdp.js';

const KNOWN_KEY = 'rtcbus.known';

/** What keeps the keys where there is nothing else: for as long as the program runs. */
class Memory {
    #items = new Map();

    getItem(key) {
        return this.#items.get(key) ?? null;
    }

    setItem(key, value) {
        this.#items.set(key, value);
    }
}

function storageOfBrowser() {
    try {
        return globalThis.localStorage ?? new Memory();
    } catch {
        return new Memory(); // cookies and the like are blocked
    }
}

export class Trust {
    #storage;
    #known;

    /** STORAGE has getItem() and setItem(), as localStorage has, the default in browsers. */
    constructor(storage = storageOfBrowser()) {
        this.#storage = storage;
        try {
            this.#known = new Map(Object.entries(JSON.parse(storage.getItem(KNOWN_KEY) ?? '{}')));
        } catch {
            this.#known = new Map();
        }
    }

    /** {fingerprint, code} that NAME is known with, null if it is new. */
    known(name) {
        const fingerprint = this.#known.get(name);
        return fingerprint === undefined ? null : {fingerprint, code: codeOf(fingerprint)};
    }

    get names() {
        return [...this.#known.keys()];
    }

    /** "known", "new", "unknown" (it has no name), or "changed": somebody may be in between. */
    judge(name, fingerprint) {
        if (!name)
            return 'unknown';
        if (!this.#known.has(name))
            return 'new';
        return this.#known.get(name) === fingerprint ? 'known' : 'changed';
    }

    /** A name that is known already keeps its key. */
    remember(name, fingerprint) {
        if (!name || this.#known.has(name))
            return;
        this.#known.set(name, fingerprint);
        this.#write();
    }

    /** Two people have compared a code: a name that is known with another key stays as it is. */
    pair(name, fingerprint) {
        if (this.judge(name, fingerprint) === 'changed')
            throw new RtcbusError('Denied', `${name} is known with another key: forget that one first`);
        this.remember(name, fingerprint);
    }

    forget(name) {
        this.#known.delete(name);
        this.#write();
    }

    #write() {
        try {
            this.#storage.setItem(KNOWN_KEY, JSON.stringify(Object.fromEntries(this.#known)));
        } catch {
            // this browser keeps nothing
        }
    }
}
