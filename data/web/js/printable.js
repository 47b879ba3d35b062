// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

/** VALUE, of which a remote says that it is a text, for people to read: at most MOST characters, on one line. */
export const printable = (value, most = Infinity) =>
    String(value ?? '').slice(0, most).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '_');
