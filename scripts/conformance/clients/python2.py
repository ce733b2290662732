"""Python `mcp` 2.x: python2.py http|sse|stdio URL|COMMAND legacy|auto CANCELS"""

import asyncio
import sys

from mcp import Client, MCPError, StdioServerParameters, types
from mcp.client.sse import sse_client
from session import FORM, Session, asked


def connect(wire, target):
    if wire == "stdio":
        return StdioServerParameters(command="sh", args=["-c", target])
    return sse_client(target) if wire == "sse" else target


async def sample(_context, params):
    content = types.TextContent(type="text", text=asked(params.messages))
    return types.CreateMessageResult(role="assistant", model="none", content=content)


async def elicit(_context, _params):
    return types.ElicitResult(action="accept", content=FORM)


async def cancel(call):
    call.cancel()


async def main(wire, target, mode, cancels):
    client = Client(connect(wire, target), mode=mode, sampling_callback=sample, elicitation_callback=elicit)
    async with client:
        # HTTP+SSE is older than 2026-07-28, and servers of it say so.
        rounds = mode == "auto" and wire != "sse"
        await Session(client, MCPError, cancel, cancels == "yes", rounds).run()


asyncio.run(main(*sys.argv[1:]))
