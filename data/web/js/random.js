// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Random numbers that nobody can guess, also in a Node.js that does not have them at hand.

const crypto = globalThis.crypto ?? (await import('node:crypto')).webcrypto;

export const randomBytes = (n) => crypto.getRandomValues(new Uint8Array(n));

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
