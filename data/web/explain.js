// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Session descriptions for people: the lines of an SDP (RFC 8866), each with what it is for.

import {has, t} from './i18n.js';

/** [{text, note}] of each line; the note is "" for lines that say nothing of interest. */
export function explainSdp(sdp) {
    return sdp.split(/\r?\n/).filter((line) => line !== '').map((text) => {
        const key = `sdp.${/^a=([a-z-]+)/.exec(text)?.[1] ?? text[0]}`;
        return {text, note: has(key) ? t(key) : ''};
    });
}

/** "host udp 192.0.2.1:4567" of a candidate line; "" if it is none. */
export function describeCandidate(line) {
    const words = String(line ?? '').split(' ');
    const type = words[words.indexOf('typ') + 1];
    if (words.length < 8 || words[6] !== 'typ')
        return '';
    const address = words[4].includes(':') ? `[${words[4]}]` : words[4];
    return `${type} ${words[2].toLowerCase()} ${address}:${words[5]}`;
}
