// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What a session description (RFC 8866) says of keys and of protocols.

export const textOf = (sdp) => typeof sdp === 'string' ? sdp : sdp?.sdp;

const FINGERPRINT = /^a=fingerprint:([\w-]+) ([0-9a-f]{2}(?::[0-9a-f]{2})*)$/i; // RFC 8122, 5

/**
 * The one fingerprint that SDP names, "" if there is none, or several to choose from. Browsers
 * read more than the standard's form, each its own: any other line that speaks of one is refused.
 */
export function fingerprintIn(sdp) {
    const lines = String(sdp ?? '').split(/\r?\n/).filter((line) => /fingerprint/i.test(line));
    const found = new Set(lines.map((line) => {
        const [, algorithm, bytes] = FINGERPRINT.exec(line) ?? [];
        return bytes ? `${algorithm.toLowerCase()} ${bytes.toUpperCase()}` : '';
    }));
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

/** Whether who wrote this SDP takes channels of PROTOCOL without being asked (rtcbus-signaling(7)). */
export function takesProtocol(sdp, protocol) {
    const [, named, ufrag] = /^a=x-rtcbus-protocol:(\S+) (\S+)\s*$/m.exec(sdp ?? '') ?? [];
    return named === protocol && sdp.includes(`a=ice-ufrag:${ufrag}`);
}

/** SDP, which says that we do. */
export function sayProtocol(sdp, protocol) {
    const [, ufrag] = /^a=ice-ufrag:(\S+)/m.exec(sdp) ?? [];
    return ufrag ? `${sdp}a=x-rtcbus-protocol:${protocol} ${ufrag}\r\n` : sdp;
}
