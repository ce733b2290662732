"""One session of FastMCP's Client: fastmcp_client.py http|sse|stdio URL|COMMAND REVISION|auto"""

import asyncio
import sys

from fastmcp import Client
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport
from session import session


def connect(wire, target):
    if wire == "stdio":
        return StdioTransport("sh", ["-c", target], keep_alive=False)
    return SSETransport(target) if wire == "sse" else StreamableHttpTransport(target)


async def main(wire, target, mode):
    # Among the revisions with an `initialize` this client offers only the newest.
    legacy = mode == "2025-11-25"
    async with Client(connect(wire, target), mode="legacy" if legacy else mode) as client:
        await session(client, lambda result: result.structured_content, client.ping if legacy else None)


asyncio.run(main(*sys.argv[1:]))
