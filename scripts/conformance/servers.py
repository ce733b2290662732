"""Starts a server and waits until it is ready."""

import os
import subprocess
import threading
from contextlib import contextmanager

# What reaches this only hangs.
PATIENCE_S = 60


@contextmanager
def serving(command):
    """The URL of the server that `command` starts. It must end well when it is told to."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MCP_")}
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    log = []
    try:
        yield ready(server, log)
        server.terminate()
        if server.wait(PATIENCE_S) != 0:
            raise RuntimeError(f"{command} ended with {server.returncode}:\n{''.join(log)}")
    finally:
        server.kill()
        server.wait()


def ready(server, log):
    for line in server.stderr:
        log.append(line)
        if line.startswith("ready "):
            # The pipe must not fill.
            threading.Thread(target=lambda: log.extend(server.stderr), daemon=True).start()
            return line.split()[1]
    raise RuntimeError(f"{server.args} did not start:\n{''.join(log)}")
