// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What the tests of the W3C's interface are made of, and what runs them. They are told which module
// to try by the command line.

import {setTimeout as sleep} from 'node:timers/promises';

const DEADLINE = Number(process.env.DEADLINE ?? 20) * 1000;

const [name, ...only] = process.argv.slice(2);
const loaded = await import(name);
export const rtc = {...loaded.default, ...loaded};
export const {RTCPeerConnection} = rtc;

const tests = [];
const opened = [];

export function test(title, run) {
  tests.push({title, run});
}

// ---- what tests are made of

class Failed extends Error {}

export function check(condition, message) {
  if (!condition)
    throw new Failed(message);
}

export function equal(found, wanted, what) {
  const [a, b] = [found, wanted].map((v) => JSON.stringify(v) ?? String(v));
  check(a === b, `${what}: ${a}, not ${b}`);
}

export function make(configuration) {
  const pc = new RTCPeerConnection(configuration);
  opened.push(pc);
  return pc;
}

export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failed(`not in time: ${what}`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export function event(target, type) {
  return within(new Promise((resolve) => target.addEventListener(type, resolve, {once: true})),
    `event ${type}`);
}

export async function until(condition, what) {
  for (const end = Date.now() + DEADLINE; !condition(); await sleep(5))
    check(Date.now() < end, `not in time: ${what}`);
}

export function throwsName(action, wanted) {
  try {
    action();
  } catch (error) {
    equal(error.name, wanted, `error (${error.message})`);
    return error;
  }
  throw new Failed(`nothing is thrown, but ${wanted} should be`);
}

export async function rejectsName(promise, wanted) {
  try {
    await within(promise, wanted);
  } catch (error) {
    equal(error.name, wanted, `error (${error.message})`);
    return error;
  }
  throw new Failed(`it is not rejected, but ${wanted} is wanted`);
}

export function carry(from, to) {
  from.addEventListener('icecandidate', ({candidate}) => {
    if (candidate)
      to.addIceCandidate(candidate).catch(() => {});
  });
}

export async function negotiate(a, b, options) {
  await a.setLocalDescription(await a.createOffer(options));
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription(await b.createAnswer());
  await a.setRemoteDescription(b.localDescription);
}

// Two connections, and a channel with both its ends open
export async function connected(options = {}, configuration = undefined) {
  const a = make(configuration);
  const b = make(configuration);
  carry(a, b);
  carry(b, a);
  const ours = a.createDataChannel('chat', options);
  const theirs = options.negotiated ? b.createDataChannel('chat', options)
    : event(b, 'datachannel').then((e) => e.channel);
  const open = event(ours, 'open');
  await negotiate(a, b);
  await open;
  const other = await theirs;
  if (other.readyState !== 'open')
    await event(other, 'open');
  return {a, b, ours, theirs: other};
}

export function messages(channel) {
  const list = [];
  channel.addEventListener('message', ({data}) => list.push(data));
  return list;
}

// ---- running

async function run({title, run: body}, number) {
  let problem = null;
  try {
    await within(Promise.resolve(body()), 'the whole test');
  } catch (error) {
    problem = error;
  }
  opened.splice(0).forEach((pc) => pc.close());
  console.log(`${problem ? 'not ' : ''}ok ${number} - ${title}`);
  if (problem)
    console.log(`# ${problem instanceof Failed ? problem.message : problem}`.replace(/\n/g, '\n# '));
  return !problem;
}

process.on('uncaughtException', (error) => console.log(`# uncaught: ${error}`));
process.on('unhandledRejection', (error) => console.log(`# not handled: ${error}`));

// Runs those that are asked for, as TAP.
export async function runTests() {
  const chosen = tests.filter(({title}) => only.length === 0 || only.some((o) => title.includes(o)));
  console.log(`1..${chosen.length}`);
  let passed = 0;
  for (const [i, one] of chosen.entries())
    passed += await run(one, i + 1);
  process.exitCode = passed === chosen.length ? 0 : 1;
  if (process.env.EXIT) // for modules that keep their process
    process.exit();
}
