"""A FastMCP server: the tool `add`, on stdio or Streamable HTTP. `server.py` or `server.py PORT [stateful]`."""

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
    server.run(
        transport="http",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        stateless_http="stateful" not in sys.argv,
        log_level="warning",
        show_banner=False,
    )
