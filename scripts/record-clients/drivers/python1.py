"""One session of Python `mcp` 1.x: python1.py http|sse|stdio URL|COMMAND REVISION"""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from session import session


def connect(wire, target):
    if wire == "stdio":
        return stdio_client(StdioServerParameters(command="sh", args=["-c", target]))
    if wire == "sse":
        return sse_client(target)
    # Versions before 1.8 have no Streamable HTTP.
    from mcp.client.streamable_http import streamablehttp_client

    return streamablehttp_client(target)


def content(result):
    # The oldest versions know text only, which holds the same object.
    return getattr(result, "structuredContent", None) or json.loads(result.content[0].text)


async def main(wire, target, revision):
    if types.LATEST_PROTOCOL_VERSION != revision:
        raise SystemExit(f"this version offers {types.LATEST_PROTOCOL_VERSION}, not {revision}")
    async with connect(wire, target) as (read, write, *_), ClientSession(read, write) as client:
        await client.initialize()
        await session(client, content, client.send_ping)


asyncio.run(main(*sys.argv[1:]))
