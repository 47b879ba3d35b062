# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A relay of others: WebSocket, and no rtcbus.1."""

import threading

from wsclient import Closed, Timeout, WsServer


class BareRelay:
    """Sends each text to every other client, and knows nothing of names."""

    def __init__(self):
        self.server = WsServer()
        self.clients = []
        self.ended = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.ended:
            try:
                client = self.server.accept(protocol=None, timeout=1)
            except (Timeout, OSError, Closed):
                continue
            if not client:  # it has asked for another version
                continue
            self.clients.append(client)
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client):
        while not self.ended:
            try:
                text = client.recv(1)
            except Timeout:
                continue
            except (Closed, OSError):
                self.clients.remove(client)
                return
            for other in [c for c in self.clients if c is not client]:
                try:
                    other.send_text(text)
                except OSError:
                    pass

    def close(self):
        self.ended = True
        self.server.close()
