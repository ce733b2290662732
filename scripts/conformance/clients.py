#!/usr/bin/env python3
"""Runs an official client against a server of the fixtures, over every transport of its runtime.

  clients.py CLIENT PROGRAM

PROGRAM is one of `mcp-conformance-*`. A client lists, calls, gets errors, cancels, and answers
what the server asks; a command line lists, calls and gets errors. The exit code is 1 when
something is not as it should be, and the output says over which transport and why.
"""

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

import install
import servers

CLIENTS = Path(__file__).resolve().parent / "clients"
# One conversation; what reaches this hangs.
PATIENCE_S = 60


class Wire:
    """One way to reach the fixtures."""

    def __init__(self, transport, sessions=None):
        self.name = f"{transport} {sessions}" if sessions else transport
        self.kind = "http" if transport.startswith("http") else transport
        self.arguments = [transport] + (["--sessions", sessions] if sessions else [])
        # A server without sessions knows no call but the one that a message brings.
        self.is_stateless = sessions == "stateless"


WIRES = [
    Wire("stdio"),
    Wire("sse"),
    *(
        Wire(transport, sessions)
        for transport in ("http-json", "http-stream")
        for sessions in ("stateful", "stateless")
    ),
]


def javascript(driver):
    folder = install.npm()
    # A module finds packages above its own folder only.
    for file in CLIENTS.glob("*.mjs"):
        target = folder / file.name
        if not target.exists() or target.read_bytes() != file.read_bytes():
            partial = folder / f"{file.name}.{driver}"
            partial.write_bytes(file.read_bytes())
            partial.rename(target)
    return [install.node(), folder / driver]


def library(command, modes):
    """A client library: one conversation in each of its modes."""

    def run(wire, target):
        for mode in modes:
            cancels = "no" if wire.is_stateless and mode != "auto" else "yes"
            converse(f"{wire.name}, {mode}", [*command(), wire.kind, target, mode, cancels])

    return run


def inspector(wire, target):
    """The Inspector's command line: a process for each request."""
    script = install.npm() / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    server = shlex.split(target) if wire.kind == "stdio" else [target, "--transport", wire.kind]

    def ask(*arguments):
        return converse(wire.name, [install.node(), script, "--cli", *server, *arguments])

    expect(wire, ask("--method", "tools/list"), "test_simple_text")
    call = ["--method", "tools/call", "--tool-name"]
    expect(wire, ask(*call, "test_simple_text"), "This is a simple text response for testing.")
    expect(wire, ask("--method", "resources/read", "--uri", "test://template/7/data"), "Data for ID: 7")
    expect(wire, ask("--method", "prompts/list"), "test_simple_prompt")


def fastmcp_cli(wire, target):
    """FastMCP's command line: a process for each request."""
    fastmcp = install.python("python2").with_name("fastmcp")
    server = ["--command", target] if wire.kind == "stdio" else [target, "--transport", wire.kind]

    def ask(verb, *arguments):
        return converse(wire.name, [fastmcp, verb, *server, *arguments])

    expect(wire, ask("list"), "test_simple_text")
    target = ["--target"] if wire.kind == "stdio" else []
    expect(wire, ask("call", *target, "test_simple_text"), "This is a simple text response for testing.")


PROGRAMS = {
    "typescript-sdk-1": library(lambda: javascript("typescript1.mjs"), ["2025-11-25"]),
    "typescript-client-2": library(lambda: javascript("typescript2.mjs"), ["2025-11-25", "auto"]),
    "python-mcp-1": library(lambda: [install.python("python1"), CLIENTS / "python1.py"], ["2025-11-25"]),
    "python-mcp-2": library(lambda: [install.python("python2"), CLIENTS / "python2.py"], ["legacy", "auto"]),
    "fastmcp": library(lambda: [install.python("python2"), CLIENTS / "fastmcp_client.py"], ["legacy", "auto"]),
    "fastmcp-cli": fastmcp_cli,
    "inspector-cli": inspector,
}


class Failure(Exception):
    """A conversation that did not go as it should."""


def converse(name, command):
    """What a client says on standard output. What it keeps for its user does not land in this user's home."""
    home = install.FOLDER / "home"
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "HOME": str(home)}
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment)
    except subprocess.TimeoutExpired as hung:
        raise Failure(f"{name}: hung\n{hung.stdout}\n{hung.stderr}") from hung
    if done.returncode != 0:
        raise Failure(f"{name}: ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    # The official Python client says so of a DELETE that it takes for failed.
    if "Session termination failed" in done.stderr:
        raise Failure(f"{name}: {done.stderr}")
    return done.stdout


def expect(wire, output, part):
    if part not in output:
        raise Failure(f"{wire.name}: {part!r} is not in\n{output}")


def run(client, program):
    """The transports that went well, and what failed over the others."""
    well, failures = [], []
    for wire in WIRES:
        command = [program, *wire.arguments]
        # One pipe cannot be shared by the threads of that runtime.
        if wire.kind == "stdio" and program.endswith("-percore"):
            continue
        try:
            if wire.kind == "stdio":
                PROGRAMS[client](wire, shlex.join(command))
            else:
                with servers.serving(command) as url:
                    PROGRAMS[client](wire, url)
            well.append(wire.name)
        except Failure as failure:
            failures.append(str(failure))
    return well, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", choices=PROGRAMS)
    parser.add_argument("program")
    arguments = parser.parse_args()
    well, failures = run(arguments.client, arguments.program)
    print(f"{arguments.client}: {', '.join(well)}")
    for failure in failures:
        print(failure)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
