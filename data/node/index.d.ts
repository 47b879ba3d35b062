// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The types are those of lib.dom.d.ts: what runs in a browser runs here.

/// <reference lib="dom" />

declare const RTCCertificate_: typeof RTCCertificate;
declare const RTCDataChannel_: typeof RTCDataChannel;
declare const RTCDataChannelEvent_: typeof RTCDataChannelEvent;
declare const RTCDtlsTransport_: typeof RTCDtlsTransport;
declare const RTCError_: typeof RTCError;
declare const RTCErrorEvent_: typeof RTCErrorEvent;
declare const RTCIceCandidate_: typeof RTCIceCandidate;
declare const RTCIceTransport_: typeof RTCIceTransport;
declare const RTCPeerConnection_: typeof RTCPeerConnection;
declare const RTCPeerConnectionIceErrorEvent_: typeof RTCPeerConnectionIceErrorEvent;
declare const RTCPeerConnectionIceEvent_: typeof RTCPeerConnectionIceEvent;
declare const RTCSctpTransport_: typeof RTCSctpTransport;
declare const RTCSessionDescription_: typeof RTCSessionDescription;
declare const RTCStatsReport_: typeof RTCStatsReport;

export {
  RTCCertificate_ as RTCCertificate,
  RTCDataChannel_ as RTCDataChannel,
  RTCDataChannelEvent_ as RTCDataChannelEvent,
  RTCDtlsTransport_ as RTCDtlsTransport,
  RTCError_ as RTCError,
  RTCErrorEvent_ as RTCErrorEvent,
  RTCIceCandidate_ as RTCIceCandidate,
  RTCIceTransport_ as RTCIceTransport,
  RTCPeerConnection_ as RTCPeerConnection,
  RTCPeerConnectionIceErrorEvent_ as RTCPeerConnectionIceErrorEvent,
  RTCPeerConnectionIceEvent_ as RTCPeerConnectionIceEvent,
  RTCSctpTransport_ as RTCSctpTransport,
  RTCSessionDescription_ as RTCSessionDescription,
  RTCStatsReport_ as RTCStatsReport,
};
