// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Who we are: a certificate that stays in this browser (IndexedDB keeps the key without showing
// it to scripts), so that others can know us by it.

import {fingerprintIn} from './sdp.js';

const DATABASE = 'rtcbus', STORE = 'identity', OWN = 'certificate';
const LIFETIME = 365 * 24 * 3600 * 1000; // ms, the longest that browsers make

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
export async function ownCertificate(RTCPeerConnection) {
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
export async function fingerprintOfOwn(certificate, RTCPeerConnection) {
    const connection = new RTCPeerConnection({certificates: [certificate]});
    connection.createDataChannel('');
    const {sdp} = await connection.createOffer();
    connection.close();
    return fingerprintIn(sdp);
}
