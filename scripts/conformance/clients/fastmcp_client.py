"""FastMCP's Client: fastmcp_client.py http|sse|stdio URL|COMMAND legacy|auto CANCELS"""

import asyncio
import sys

from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport
from session import FORM, Session, asked


def connect(wire, target):
    if wire == "stdio":
        return StdioTransport("sh", ["-c", target], keep_alive=False)
    return SSETransport(target) if wire == "sse" else StreamableHttpTransport(target)


async def sample(messages, _params, _context):
    return asked(messages)


async def elicit(_message, _type, _params, _context):
    return ElicitResult(action="accept", content=FORM)


async def cancel(call):
    call.cancel()


async def main(wire, target, mode, cancels):
    client = Client(connect(wire, target), mode=mode, sampling_handler=sample, elicitation_handler=elicit)
    async with client:
        rounds = mode == "auto" and wire != "sse"
        await Session(client, Exception, cancel, cancels == "yes", rounds).run()


asyncio.run(main(*sys.argv[1:]))
