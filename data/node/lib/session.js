// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The call of the daemon that a connection stands for, made when there is something for it to do.
// What has no data channels in it stays here.

'use strict';

const {pemOf} = require('./certificate.js');
const {serverUris} = require('./configuration.js');
const {Variant, theDaemon} = require('./daemon.js');
const {BareSession} = require('./description.js');
const {domException} = require('./webidl.js');

function iceOptions(configuration) {
  const options = {};
  const servers = serverUris(configuration);
  if (servers.length > 0)
    options['ice-servers'] = new Variant('as', servers);
  if (configuration.iceTransportPolicy === 'relay')
    options['relay-only'] = new Variant('b', true);
  return options;
}

function callOptions(configuration) {
  const certificate = configuration.certificates.map(pemOf).join('');
  return {
    stepwise: new Variant('b', true),
    ...(certificate ? {certificate: new Variant('s', certificate)} : {}),
    ...iceOptions(configuration),
  };
}

function channelOptions(core) {
  const options = {
    ordered: new Variant('b', core.ordered),
    protocol: new Variant('s', core.protocol),
    priority: new Variant('s', core.priority),
    id: new Variant('q', core.id),
    negotiated: new Variant('b', core.negotiated),
  };
  if (core.maxRetransmits !== null)
    options['max-retransmits'] = new Variant('u', core.maxRetransmits);
  if (core.maxPacketLifeTime !== null)
    options['max-packet-lifetime'] = new Variant('u', core.maxPacketLifeTime);
  return options;
}

// As webrtc-pc names what goes wrong
async function told(promise) {
  try {
    return await promise;
  } catch (error) {
    throw domException(error.message, 'OperationError');
  }
}

class Session {
  #configuration;
  #user;
  #promise = null; // of the daemon's call
  #closed = false;
  #bare = new BareSession();
  #made = ''; // by the daemon, and not set yet
  #waits = false; // the daemon has an offer that is not answered
  call = null;

  // USER is told as the daemon's call tells.
  constructor(configuration, user) {
    this.#configuration = configuration;
    this.#user = user;
  }

  #need() {
    this.#promise ??= (async () => {
      const daemon = await theDaemon();
      const call = await daemon.createCall(callOptions(this.#configuration));
      if (this.#closed) {
        call.hangUp();
        throw new Error('the connection is closed');
      }
      call.user = this.#user;
      this.call = call;
      return call;
    })();
    return told(this.#promise);
  }

  configure(configuration) {
    this.#configuration = configuration;
    const options = iceOptions(configuration);
    this.#promise?.then((call) => call.invoke('Configure', 'a{sv}', [options])).catch(() => {});
  }

  async make(type, options) {
    const call = await this.#need();
    const [sdp] = await told(call.invoke('CreateDescription', 'sa{sv}', [type, options]));
    this.#made = sdp;
    return sdp;
  }

  // Whether TEXT, which was made before, can still be set.
  holds(text, withData) {
    return text !== '' && (!withData || text === this.#made);
  }

  // WITHDATA: there are channels, or have been. Resolves to the text.
  makeOffer(withData, restart) {
    return withData ? this.make('offer', {'ice-restart': new Variant('b', restart)})
      : Promise.resolve(this.#bare.describe(null));
  }

  // OFFER is the remote's, as parseSdp() has read it.
  makeAnswer(offer) {
    return offer.data ? this.make('answer', {}) : Promise.resolve(this.#bare.describe(offer));
  }

  async setLocal(type, sdp) {
    if (sdp.data) {
      const call = await this.#need();
      await told(call.invoke('SetLocalDescription', 's', [type]));
      this.#waits = type === 'offer';
      this.#made = '';
    }
  }

  async setRemote(type, text, sdp) {
    if (sdp.data) {
      const call = await this.#need();
      await told(call.invoke('SetRemoteDescription', 'ss', [type, text]));
      this.#waits = type === 'offer';
      if (type === 'offer')
        this.#made = '';
    } else if (this.#waits) { // our data is rejected
      await this.rollBack();
    }
  }

  async rollBack() {
    if (!this.#waits)
      return;
    await told(this.call.invoke('SetLocalDescription', 's', ['rollback']));
    this.#waits = false;
    this.#made = '';
  }

  // LINE is "" at the end of the list.
  async addCandidate(line, mid) {
    if (this.call)
      await told(this.call.invoke('AddCandidate', 'ss', [line, mid ?? '']));
  }

  openChannel(core) {
    this.#need().then((call) => call.openChannel(core.label, channelOptions(core),
      (remote) => core.attach(remote)))
      .catch((error) => core.enterLater('closed', error.message));
  }

  close() {
    this.#closed = true;
    this.call?.hangUp();
  }
}

module.exports = {Session};
