"""The web server's thread.

``start`` binds the address, unless that was done (``binding.py``), so a mistake is told before anything else runs, and
returns; the frameworks are loaded inside the thread.  What comes in meanwhile waits in the socket's queue.
"""

import socket
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from edge.between.board import Showing
from edge.between.inbox import Inbox, Stumbled
from edge.web.binding import bind
from edge.web.encryption import Encryption

if TYPE_CHECKING:
    from edge.web.serving import Serving

STOP_SECONDS = 5.0
AGAIN_SECONDS = 1.0  # a server that ended by itself is started again after so long


class WebServer:
    """Serves the pages at ``listen`` (``host:port``; port 0 takes any free one).

    ``allow`` names further hosts by which browsers may come; ``options`` go to ``create_app``.  With ``tls`` the pages
    are at ``https://``.  ``bound`` is the address taken before.
    """

    def __init__(
        self,
        listen: str,
        showing: Showing,
        inbox: Inbox,
        allow: Iterable[str] = (),
        tls: Encryption | None = None,
        bound: socket.socket | None = None,
        **options: Any,
    ) -> None:
        self._listen = listen
        self._showing = showing
        self._inbox = inbox
        self._tls = tls
        self._options = {**options, "allow": tuple(allow), "tls": tls}
        self._serving: Serving | None = None
        self._stopping = threading.Event()
        self.ready = threading.Event()
        self.address = ""
        self.thread = threading.Thread(target=self._run, name="web")
        self._socket = bound

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.address}"

    def start(self) -> None:
        """Bind, and begin to serve; raises CannotListen."""
        self.bind()
        self.thread.start()

    def bind(self) -> None:
        """Take the address alone, and set ``address``; raises CannotListen."""
        self._socket = self._socket or bind(self._listen)
        host, port = self._socket.getsockname()[:2]
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def stop(self) -> None:
        """End the streams and the thread, and wait for it. May be called in any state."""
        self._stopping.set()
        if self._serving is not None:
            self._serving.stop_soon()
        if self.thread.is_alive():
            self.thread.join(STOP_SECONDS)
        if self._socket is not None:
            self._socket.close()

    def _run(self) -> None:
        from edge.web.app import create_app
        from edge.web.serving import Serving

        while not self._stopping.is_set():
            try:
                self._socket = self._socket or bind(self.address)
                app = create_app(self._showing, self._inbox, **self._options)
                self._serving = Serving(app, self.ready.set)
                if not self._stopping.is_set():
                    self._serving.serve_at(self._socket)
            except Exception as error:
                self._inbox.put(Stumbled("web", "program", error))
            if not self._stopping.wait(AGAIN_SECONDS) and self._socket is not None:
                self._socket.close()
                self._socket = None
