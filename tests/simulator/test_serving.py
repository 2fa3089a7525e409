"""The simulator's servers leave nobody connected."""

import gc
import socket
import threading
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.broker import Broker
from simulator.serving import PageServer


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    await receive()


def test_whom_the_farewell_did_not_reach_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(H11Protocol, "shutdown", lambda self: None)  # as if accepted a moment after the others
    server = PageServer(uvicorn.Config(_nothing, http="h11", lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        with socket.create_connection(bound.getsockname(), timeout=10) as one:
            one.sendall(b"GET / HTTP/1.1\r\n")
            while not server.server_state.connections:
                assert thread.is_alive()
            server.config.timeout_graceful_shutdown = 0
            server.should_exit = True
            thread.join()
            with suppress(ConnectionResetError):
                assert one.recv(100) == b""


def test_the_broker_leaves_nobody_who_came_at_its_end() -> None:
    with ExitStack() as clients:
        with Broker(kind="embedded") as broker:
            for _ in range(20):
                clients.enter_context(socket.create_connection(("127.0.0.1", broker.port), timeout=10))
        gc.collect()  # an end left open would say so here, as an error
