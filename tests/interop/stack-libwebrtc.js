// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Google's libwebrtc without a browser around it, in @roamhq/wrtc.

'use strict';

const { load, version } = require('./modules.js');
const { RTCPeerConnection } = load('@roamhq/wrtc');

module.exports = {
  version: `@roamhq/wrtc ${version('@roamhq/wrtc')}`,
  createConnection: () => new RTCPeerConnection(),
  // It shows a limit that is not there as 65535, which browsers show as null.
  tidy: (event) => {
    for (const name of ['maxRetransmits', 'maxPacketLifeTime']) {
      if (event[name] === 65535) event[name] = null;
    }
  },
};
