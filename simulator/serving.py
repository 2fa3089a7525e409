"""Servers that leave nobody connected at their end."""

import asyncio
import socket
from collections.abc import Iterable

import uvicorn


async def accept_no_more(servers: Iterable[asyncio.Server]) -> None:
    """Let those come in whom asyncio has accepted: closed before, it would leave their ends open for good."""
    loop = asyncio.get_running_loop()
    for server in servers:
        for one in server.sockets:
            loop.remove_reader(one.fileno())
    for _ in range(3):  # accepted, connected, served
        await asyncio.sleep(0)


class PageServer(uvicorn.Server):
    """uvicorn, for the simulator's pages."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await accept_no_more(self.servers)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):  # who would not go
            connection.transport.abort()
        await asyncio.sleep(0)
