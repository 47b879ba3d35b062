// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Who we are, and who the others are: a relay that introduces two peers could introduce itself.
//
// Our certificate stays in this browser (IndexedDB keeps the key without showing it to
// scripts), so that others can know us by it. The keys of others are remembered by name at the
// first connected call, as rtcbus-peer does with Policy=tofu; a name with another key is
// refused. The browser holds DTLS to the fingerprint in the SDP, and we look at that one.

import {recall, remember} from './dom.js';

const DATABASE = 'rtcbus', STORE = 'identity', OWN = 'certificate';
const LIFETIME = 365 * 24 * 3600 * 1000; // ms, the longest that browsers make
const KNOWN_KEY = 'rtcbus.known';

const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
});

async function store(mode) {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return (await settled(request)).transaction(STORE, mode).objectStore(STORE);
}

/** Our certificate, the same at each visit; only for this one if the browser keeps nothing. */
export async function ownCertificate() {
    const kept = await store('readonly').then((place) => settled(place.get(OWN))).catch(() => null);
    if (kept?.expires > Date.now())
        return kept;
    const made = await RTCPeerConnection.generateCertificate(
        {name: 'ECDSA', namedCurve: 'P-256', expires: LIFETIME});
    await store('readwrite').then((place) => settled(place.put(made, OWN)))
        .catch((error) => console.debug('rtcbus: the certificate is not kept:', error.message));
    return made;
}

/** The fingerprint of CERTIFICATE, as it will be in our SDP. */
export async function fingerprintOfOwn(certificate) {
    const connection = new RTCPeerConnection({certificates: [certificate]});
    connection.createDataChannel('');
    const {sdp} = await connection.createOffer();
    connection.close();
    return fingerprintIn(sdp);
}

/** The one fingerprint that SDP names, "" if there is none, or several to choose from. */
export function fingerprintIn(sdp) {
    const lines = String(sdp ?? '').matchAll(/^a=fingerprint:\s*(\S+)\s+([0-9a-f:]+)\s*$/gim);
    const found = new Set(Array.from(lines, ([, algorithm, bytes]) =>
        `${algorithm.toLowerCase()} ${bytes.toUpperCase()}`));
    return found.size === 1 ? [...found][0] : '';
}

/** FINGERPRINT as digits to read out, the same that "rtcbusctl fingerprint" shows. */
export function codeOf(fingerprint) {
    const bytes = fingerprint.replace(/^sha-256 /, '').split(':').map((byte) => parseInt(byte, 16));
    if (bytes.length !== 32)
        return '';
    return [0, 5, 10, 15, 20, 25].map((at) =>
        String(bytes.slice(at, at + 5).reduce((value, byte) => value * 256 + byte, 0) % 100000)
            .padStart(5, '0')).join(' ');
}

// ---- the others ------------------------------------------------------------------

function readKnown() {
    try {
        return new Map(Object.entries(JSON.parse(recall(KNOWN_KEY) ?? '{}')));
    } catch {
        return new Map();
    }
}

const known = readKnown();

function writeKnown() {
    remember(KNOWN_KEY, JSON.stringify(Object.fromEntries(known)));
}

/** The fingerprint that NAME is known with, undefined if it is new. */
export const knownKey = (name) => known.get(name);

/** "known", "new", "unknown" (it has no name), or "changed": somebody may be in between. */
export function judge(name, fingerprint) {
    if (!name)
        return 'unknown';
    if (!known.has(name))
        return 'new';
    return known.get(name) === fingerprint ? 'known' : 'changed';
}

export function rememberKey(name, fingerprint) {
    if (!name || known.has(name))
        return;
    known.set(name, fingerprint);
    writeKnown();
}

export function forgetKey(name) {
    known.delete(name);
    writeKnown();
}
