"""One session of Python `mcp` 2.x: python2.py http|sse|stdio URL|COMMAND REVISION|auto"""

import asyncio
import sys

from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from session import session


def connect(wire, target):
    if wire == "stdio":
        return StdioServerParameters(command="sh", args=["-c", target])
    return sse_client(target) if wire == "sse" else target


async def main(wire, target, mode):
    # Among the revisions with an `initialize` this client offers only the newest.
    legacy = mode == "2025-11-25"
    async with Client(connect(wire, target), mode="legacy" if legacy else mode) as client:
        await session(client, lambda result: result.structured_content, client.send_ping if legacy else None)


asyncio.run(main(*sys.argv[1:]))
