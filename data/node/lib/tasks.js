// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// In which order things happen: the operations chain of a connection (webrtc-pc 4.4.1.2), and its
// tasks, as in a browser's event loop.

'use strict';

const {domException} = require('./webidl.js');

// Tasks of all connections run in the order in which they were queued, each in a turn of its own:
// what was told first is seen first.
function queueTask(task) {
  setImmediate(task);
}

class OperationsChain {
  #operations = [];
  #isClosed;
  #onEmpty;

  constructor(isClosed, onEmpty) {
    this.#isClosed = isClosed;
    this.#onEmpty = onEmpty;
  }

  get isEmpty() {
    return this.#operations.length === 0;
  }

  // OPERATION is a function that returns a promise.
  chain(operation) {
    if (this.#isClosed())
      return Promise.reject(domException('the connection is closed', 'InvalidStateError'));
    const result = new Promise((resolve, reject) => {
      this.#operations.push(() => {
        let promise;
        try {
          promise = Promise.resolve(operation());
        } catch (error) {
          promise = Promise.reject(error);
        }
        promise.then((value) => this.#isClosed() || resolve(value),
          (error) => this.#isClosed() || reject(error));
      });
    });
    const next = () => this.#next();
    result.then(next, next);
    if (this.#operations.length === 1)
      this.#operations[0]();
    return result;
  }

  #next() {
    if (this.#isClosed())
      return;
    this.#operations.shift();
    if (this.#operations.length > 0)
      this.#operations[0]();
    else
      this.#onEmpty();
  }
}

module.exports = {OperationsChain, queueTask};
