"""Python `mcp` 1.x: python1.py http|sse|stdio URL|COMMAND MODE CANCELS"""

import asyncio
import sys

from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from session import FORM, Session, asked


def connect(wire, target):
    if wire == "stdio":
        return stdio_client(StdioServerParameters(command="sh", args=["-c", target]))
    return sse_client(target) if wire == "sse" else streamablehttp_client(target)


async def sample(_context, params):
    content = types.TextContent(type="text", text=asked(params.messages))
    return types.CreateMessageResult(role="assistant", model="none", content=content)


async def elicit(_context, _params):
    return types.ElicitResult(action="accept", content=FORM)


async def main(wire, target, _mode, cancels):
    async with (
        connect(wire, target) as (read, write, *_),
        ClientSession(read, write, sampling_callback=sample, elicitation_callback=elicit) as client,
    ):
        await client.initialize()

        async def cancel(call):
            # This library leaves the notification to its user. The call is the one that waits.
            [request_id] = client._response_streams
            params = types.CancelledNotificationParams(requestId=request_id)
            notification = types.CancelledNotification(method="notifications/cancelled", params=params)
            await client.send_notification(types.ClientNotification(notification))
            call.cancel()

        await Session(client, McpError, cancel, cancels == "yes", rounds=False).run()


asyncio.run(main(*sys.argv[1:]))
