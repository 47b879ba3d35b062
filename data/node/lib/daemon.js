// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The daemon rtcbus-peer on its bus: its calls and channels as objects that are told what happens.
// Signals are told in the order in which they come, and at once.

'use strict';

const {BUS, BusError, connect} = require('./bus.js');
const {Variant} = require('./marshal.js');

const NAME = 'org.rtcbus.Peer1';
const ROOT = '/org/rtcbus/Peer1';
const CALL = 'org.rtcbus.Peer1.Call';
const CHANNEL = 'org.rtcbus.Peer1.Channel';
const PROPERTIES = 'org.freedesktop.DBus.Properties';
const MANAGER = 'org.freedesktop.DBus.ObjectManager';
const SYSTEM_BUS = 'unix:path=/run/dbus/system_bus_socket';

class DaemonObject {
  constructor(daemon, path, iface) {
    this.daemon = daemon;
    this.path = path;
    this.iface = iface;
    this.user = {}; // callbacks
    daemon.objects.set(path, this);
  }

  invoke(member, signature, body, onReply) {
    return this.daemon.bus.call(NAME, this.path, this.iface, member, signature, body, onReply);
  }

  async get(property) {
    const [value] = await this.daemon.bus.call(NAME, this.path, PROPERTIES, 'Get', 'ss',
      [this.iface, property]);
    return value;
  }

  async getAll() {
    const [all] = await this.daemon.bus.call(NAME, this.path, PROPERTIES, 'GetAll', 's',
      [this.iface]);
    return all;
  }

  drop() {
    this.daemon.objects.delete(this.path);
  }
}

// Its user: message(kind, bytes), buffered(amount), state(state, reason)
class DaemonChannel extends DaemonObject {
  constructor(daemon, path) {
    super(daemon, path, CHANNEL);
  }

  signal(member, body) {
    if (member === 'MessageReceived')
      this.user.message?.(body[0], body[1]);
    else if (member === 'BufferedAmountChanged')
      this.user.buffered?.(body[0]);
  }

  changed(properties) {
    if ('State' in properties)
      this.user.state?.(properties.State, properties.Reason ?? '');
  }

  gone() {
    this.drop();
    this.user.state?.('closed', '');
  }

  // ONSENT is given the bytes that wait now, with the message.
  send(kind, bytes, onSent) {
    return this.invoke('Send', 'say', [kind, bytes], onSent);
  }

  acknowledge(messages, bytes) {
    this.invoke('Acknowledge', 'tt', [messages, bytes]).catch(() => {}); // it may be gone
  }

  close() {
    return this.invoke('Close');
  }
}

// Its user: candidate(candidate, mid), serverFailed(url, code, words), state(state, reason), path(),
// pathFailed(), channel(channel, properties)
class DaemonCall extends DaemonObject {
  constructor(daemon, path) {
    super(daemon, path, CALL);
    this.ended = false;
    this.properties = {};
    daemon.bus.hold();
  }

  signal(member, body) {
    if (member === 'LocalCandidate')
      this.user.candidate?.(...body);
    else if (member === 'IceServerFailed')
      this.user.serverFailed?.(...body);
  }

  changed(properties) {
    Object.assign(this.properties, properties);
    if ('LocalCandidate' in properties || 'RemoteCandidate' in properties)
      this.user.path?.(this.properties);
    if ('State' in properties)
      this.user.state?.(properties.State, properties.Reason ?? '');
    if (properties.PathFailed)
      this.user.pathFailed?.();
    if (properties.State === 'closed')
      this.gone();
  }

  added(path, properties) {
    if (properties.Direction === 'incoming')
      this.user.channel?.(new DaemonChannel(this.daemon, path), properties);
  }

  gone() {
    if (this.ended)
      return;
    this.ended = true;
    this.drop();
    for (const object of [...this.daemon.objects.values()]) {
      if (object.path.startsWith(`${this.path}/`))
        object.gone();
    }
    this.user.state?.('closed', '');
    this.daemon.bus.release();
  }

  hangUp() {
    return this.invoke('Hangup').catch(() => {}).then(() => {
      this.user = {};
      this.gone();
    });
  }

  openChannel(label, options, onOpened) {
    return this.invoke('OpenChannel', 'sa{sv}', [label, options],
      (path) => onOpened(new DaemonChannel(this.daemon, path)));
  }
}

class Daemon {
  constructor(bus) {
    this.bus = bus;
    this.objects = new Map(); // path → DaemonObject
    this.owner = null; // its name on the bus that no other can have
    bus.onSignal = (message) => this.signal(message);
    bus.onClose = () => this.lost();
  }

  // Whoever is on the bus can send us whatever reads like one of the daemon's.
  signal(message) {
    const {interface: iface, member, path, sender} = message;
    if (sender !== (iface === BUS ? BUS : this.owner))
      return;
    const {body} = message;
    if (iface === MANAGER && path === ROOT)
      this.managed(member, body);
    else if (iface === BUS && member === 'NameOwnerChanged' && body[0] === NAME)
      this.lost();
    else if (iface === PROPERTIES && member === 'PropertiesChanged')
      this.objects.get(path)?.changed(body[1]);
    else if (iface === CALL || iface === CHANNEL)
      this.objects.get(path)?.signal(member, body);
  }

  managed(member, [path, interfaces]) {
    if (member === 'InterfacesRemoved') {
      this.objects.get(path)?.gone();
      return;
    }
    const parent = this.objects.get(path.replace(/\/channel\/\d+$/, ''));
    if (interfaces[CHANNEL] && parent instanceof DaemonCall)
      parent.added(path, interfaces[CHANNEL]);
  }

  // The daemon or the bus has gone, and every call with it.
  lost() {
    if (current === this.promise)
      current = null;
    for (const object of [...this.objects.values()]) {
      if (object instanceof DaemonCall)
        object.gone();
    }
    this.bus.close();
  }

  async begin() {
    const rules = [
      `type='signal',sender='${NAME}',path='${ROOT}',interface='${MANAGER}'`,
      `type='signal',sender='${NAME}',path_namespace='${ROOT}/call',interface='${PROPERTIES}'`,
      `type='signal',sender='${BUS}',member='NameOwnerChanged',arg0='${NAME}'`,
    ];
    await Promise.all(rules.map((rule) => this.bus.callBus('AddMatch', 's', rule)));
    [this.owner] = await this.bus.callBus('GetNameOwner', 's', NAME);
  }

  async createCall(options) {
    let call;
    await this.bus.call(NAME, ROOT, NAME, 'CreateCall', 'a{sv}', [options],
      (path) => { call = new DaemonCall(this, path); });
    return call;
  }
}

// "system", "session" or an address in RTCBUS_BUS; else the system bus, or the session bus if the
// daemon is there and not on the system bus, as with rtcbus-peer --session.
function busAddresses(env) {
  const system = env.DBUS_SYSTEM_BUS_ADDRESS || SYSTEM_BUS;
  const session = env.DBUS_SESSION_BUS_ADDRESS ||
    (env.XDG_RUNTIME_DIR ? `unix:path=${env.XDG_RUNTIME_DIR}/bus` : '');
  if (env.RTCBUS_BUS === 'session')
    return [session];
  if (env.RTCBUS_BUS && env.RTCBUS_BUS !== 'system')
    return [env.RTCBUS_BUS];
  return env.RTCBUS_BUS || !session ? [system] : [system, session];
}

async function owns(bus) {
  const [owned] = await bus.callBus('NameHasOwner', 's', NAME);
  return owned;
}

async function connectDaemon() {
  const problems = [];
  const buses = [];
  let found = null;
  for (const address of busAddresses(process.env)) {
    try {
      const bus = await connect(address);
      buses.push(bus);
      if (await owns(bus)) {
        found = bus;
        break;
      }
      problems.push(`rtcbus-peer is not on ${address}`);
    } catch (error) {
      problems.push(`${address}: ${error.message}`);
    }
  }
  for (const bus of found ? [] : buses) { // the daemon may be started by the bus
    await bus.callBus('StartServiceByName', 'su', NAME, 0).then(() => { found ??= bus; },
      (error) => problems.push(error.message));
  }
  buses.filter((bus) => bus !== found).forEach((bus) => bus.close());
  if (!found)
    throw new BusError('org.rtcbus.Error.NotConnected', problems.join('; '));
  const daemon = new Daemon(found);
  await daemon.begin();
  return daemon;
}

let current = null; // a promise of the daemon; null: none is asked for

function theDaemon() {
  if (!current) {
    const promise = connectDaemon();
    current = promise;
    promise.then((daemon) => { daemon.promise = promise; }, () => {
      if (current === promise)
        current = null;
    });
  }
  return current;
}

module.exports = {Variant, busAddresses, theDaemon};
