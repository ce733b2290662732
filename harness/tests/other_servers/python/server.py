"""A FastMCP server: the tool `add`, on stdio, Streamable HTTP or SSE. `server.py` or `server.py PORT [stateful|sse]`."""

import sys

from fastmcp import FastMCP

server = FastMCP("other")


@server.tool
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


if len(sys.argv) == 1:
    server.run(show_banner=False)
else:
    mode = sys.argv[2] if len(sys.argv) > 2 else "stateless"
    http = {"transport": "sse"} if mode == "sse" else {"transport": "http", "stateless_http": mode == "stateless"}
    server.run(**http, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", show_banner=False)
