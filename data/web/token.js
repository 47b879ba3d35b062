// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The token that opens the room. It comes behind the URL, as in /greenhouse#token=…, which a
// browser sends to nobody; from there it is taken out of the address, so that it is in no
// bookmark, history or picture of the screen. It stays with this tab, for a reload.

const KEY = 'rtcbus.token ';

/** The token for the room of this page, or null. */
export function takeToken() {
    const key = KEY + location.pathname;
    const given = new URLSearchParams(location.hash.slice(1)).get('token');
    if (given !== null) {
        history.replaceState(history.state, '', location.pathname + location.search);
        try {
            sessionStorage.setItem(key, given);
        } catch {
            // without storage it lasts until a reload
        }
        return given || null;
    }
    try {
        return sessionStorage.getItem(key) || null;
    } catch {
        return null;
    }
}
