"""One command of FastMCP's command line: fastmcp_cli.py http|sse|stdio URL|COMMAND list|call"""

import shlex
import subprocess
import sys
from pathlib import Path

wire, target, verb = sys.argv[1:]
server = ["--command", shlex.join(["sh", "-c", target])] if wire == "stdio" else [target, "--transport", wire]
ask, wanted = {
    "list": ([], "query_products"),
    # `n=10` would do with a URL; beside `--command` it would be taken for one.
    "call": (["--target", "calculate_fibonacci", "--input-json", '{"n": 10}'], "55"),
}[verb]
fastmcp = Path(sys.executable).with_name("fastmcp")
answer = subprocess.run([fastmcp, verb, *server, *ask], check=True, stdout=subprocess.PIPE, text=True).stdout
assert wanted in answer, answer
