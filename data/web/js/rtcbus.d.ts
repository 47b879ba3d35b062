// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

export type Value = number | string | Uint8Array;

export interface Reading {
    series: string;
    unit: string;
    value: Value;
    /** ms since 1970, by the emitter's clock */
    time: number;
    /** how many of its series were lost before it */
    missed: number;
    /** it is older than our first call */
    greeting: boolean;
    sequence?: number;
}

/** NotConnected, NoSuchPeer, Denied, Timeout, LimitExceeded, InvalidArgument or Failed in .name */
export class RtcbusError extends Error {}

export interface JoinOptions {
    /** ours in the room; with "-2" behind it if it is taken */
    name?: string;
    token?: string;
    /** ms that join() waits; 30000 if it is not given */
    timeout?: number;
    /** of each RTCPeerConnection; the relay's ICE servers come on top */
    configuration?: RTCConfiguration;
    /** keeps the keys of others: getItem and setItem, as localStorage has them */
    storage?: Pick<Storage, 'getItem' | 'setItem'>;
    /** false: another key at each visit */
    identity?: boolean;
    /** ms between two messages with readings, for one who draws them; 0 if it is not given */
    pace?: number;
    /** for Node.js */
    WebSocket?: unknown;
    RTCPeerConnection?: unknown;
}

export interface SeriesState {
    name: string;
    unit: string;
    value: Value | null;
    count: number;
    missed: number;
}

export interface Readings extends AsyncIterable<Reading> {
    series: Map<string, SeriesState>;
    readonly missed: number;
}

export type TrustState = 'known' | 'new' | 'unknown' | 'changed';

/** A peer that we call, again after every end, until hangUp(). Events: "state", "reading", "channel". */
export interface Contact extends EventTarget {
    readonly key: string;
    readonly name: string;
    readonly state: 'closed' | 'calling' | 'connecting' | 'connected' | 'reconnecting';
    /**
     * of the last end: own, bye, stopped, refused, untrusted, busy, changed, newkey, away, relay, timeout,
     * gaveup, unreachable, silent, ended, replaced, bad, failed
     */
    readonly reason: string | null;
    /** what the peer has said about it, for people; may be empty, and is on one line */
    readonly words: string;
    readonly trust: TrustState | null;
    /** what it has shown: "sha-256 AB:CD:…" */
    readonly fingerprint: string;
    /** the same as digits to read out */
    readonly code: string;
    readonly readings: Readings;
    /** resolves when it is open */
    channel(label: string, options?: RTCDataChannelInit): Promise<RTCDataChannel>;
    /** resolves when the file is there; goes on after a cut */
    send(file: Blob & { name?: string }, options?: { progress?: (there: number, size: number) => void }): Promise<void>;
    hangUp(): void;
}

/** A file that a peer offers: the detail of the event "file". */
export interface FileOffer {
    readonly peer: string;
    readonly name: string;
    readonly size: number;
    readonly files: number;
    accept(): void;
    refuse(): void;
    progress: ((there: number, size: number) => void) | null;
    /** Blobs with a name; none if it is refused */
    readonly done: Promise<(Blob & { name: string })[]>;
}

export interface Paired {
    name: string;
    fingerprint: string;
}

export interface Trust {
    known(name: string): { fingerprint: string; code: string } | null;
    readonly names: string[];
    /** the next call learns the key anew */
    forget(name: string): void;
}

/**
 * Events: "state", "peers", "contacts", "listeners", "reading" (detail: a Reading and .contact),
 * "channel" (detail: {peer, contact, channel}, one that a peer has opened), "file" (detail: a FileOffer).
 */
export class Room extends EventTarget {
    constructor(url: string, options?: JoinOptions);
    readonly state: 'idle' | 'connecting' | 'connected' | 'waiting';
    readonly problem: string | null;
    readonly words: string;
    readonly id: string | null;
    readonly name: string;
    /** id → name of the others */
    readonly peers: Map<string, string>;
    readonly contacts: Map<string, Contact>;
    readonly listeners: { peer: string; remote: string }[];
    readonly trust: Trust;
    readonly fingerprint: string;
    readonly code: string;
    token: string | null;
    enter(name?: string): Promise<void>;
    leave(): void;
    /** tries the relay now instead of later */
    retry(): void;
    /** calls it whenever it is here */
    keep(peer: string): Contact;
    /** as keep(), and waits until it is connected */
    call(peer: string, options?: { timeout?: number }): Promise<Contact>;
    forget(contact: Contact): void;
    /** a code for another to type, good for five minutes */
    offerPairing(): { code: string; done: Promise<Paired>; cancel(): void };
    /** with the code of another */
    pair(code: string): Promise<Paired>;
    /** to all who listen; its sequence */
    publish(value: Value, options?: { series?: string; unit?: string; time?: number }): number;
    /** the calls and their places, for restore() after a reload: can be JSON */
    save(): unknown;
    restore(saved: unknown): void;
}

/** Enters the room at URL, and stays: what is lost is connected again. */
export function join(url: string, options?: JoinOptions): Promise<Room>;

/** null, or what is wrong with a name: name.empty, name.long, name.bad */
export function checkName(name: string): string | null;

/** how contacts are named: by name, or by id if there is none */
export function peerKey(id: string, name: string | undefined): string;
