#!/usr/bin/env -S python3 -B
"""Records what real MCP clients send, into server/lab/tests/data/clients. See README.md."""

import argparse
import asyncio
import shlex
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from install import install
from proxy import Recorder

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATIENCE_S = 60

# The wire's name in a file, the key in clients.toml, the server and its flags, the path of its endpoint.
WIRES = [
    ("http", "http", "mcp-http-json-tokio", ["--sessions", "stateless"], "/mcp"),
    ("http-stateful", "http", "mcp-http-json-tokio", ["--sessions", "stateful"], "/mcp"),
    ("sse", "sse", "mcp-sse-tokio", [], "/sse"),
    ("stdio", "stdio", "mcp-stdio-tokio", [], None),
]


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="CLIENT", help="record this client alone, for instance `rmcp`")
    parser.add_argument("--servers", type=Path, default=ROOT / "target/debug", help="the folder of the server binaries")
    parser.add_argument("--output", type=Path, default=ROOT / "server/lab/tests/data/clients")
    parser.add_argument("--folder", type=Path, help="install clients here and keep it [default: a temporary folder]")
    arguments = parser.parse_args()
    clients = tomllib.loads((HERE / "clients.toml").read_text())["client"]
    if arguments.only:
        clients = [client for client in clients if client["name"] == arguments.only]
        if not clients:
            parser.error(f"clients.toml has no client named {arguments.only}")
    missing = sorted({binary for _, _, binary, _, _ in WIRES if not (arguments.servers / binary).exists()})
    if missing:
        parser.error(f"{arguments.servers} has no {', '.join(missing)}: build them, see README.md")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        for client in clients:
            await record(client, folder.resolve(), arguments.servers.resolve(), arguments.output)


async def record(client, folder, servers, output):
    """Records one version of one client on all its wires in all its modes."""
    name = f"{client['name']}-{client['version']}"
    driver = install(client, folder)
    shutil.rmtree(output / name, ignore_errors=True)
    (output / name).mkdir(parents=True)
    for wire, key, binary, flags, path in WIRES:
        for mode in client.get(key, []):
            server = [str(servers / binary), *flags, "--database-url", "sqlite::memory:"]
            kind = "jsonl" if path is None else "http"
            kept = output / name / f"{wire}-{mode}.{kind}"
            if path is None:
                await record_stdio(driver, server, mode, kept)
            else:
                await record_http(driver, key, server, path, mode, kept)
            sent = kept.read_bytes()
            if mode[0].isdigit() and mode.encode() not in sent:
                raise SystemExit(f"{kept}: revision {mode} is not in what was sent")
            print(f"{kept.relative_to(output)}: {len(sent)} bytes", flush=True)


async def record_stdio(driver, server, mode, kept):
    """`tee` keeps what goes into the server; a client that probes with a process of its own appends."""
    command = f"tee -a {shlex.quote(str(kept.resolve()))} | MCP_LOG=error {shlex.join(server)}"
    await run([*driver, "stdio", command, mode])


async def record_http(driver, wire, server, path, mode, kept):
    process = await asyncio.create_subprocess_exec(*server, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(PATIENCE_S), Recorder(await address(process)) as recorder:
            await run([*driver, wire, recorder.url + path, mode])
        kept.write_bytes(b"".join(recorder.requests))
    finally:
        process.terminate()
        await process.wait()


async def address(server):
    """Where a server listens, from its ready line."""
    while line := (await server.stderr.readline()).decode():
        if line.startswith("ready http://"):
            host, _, port = line.removeprefix("ready http://").split("/")[0].strip().rpartition(":")
            return host, int(port)
    raise SystemExit("the server ended before it was ready")


async def run(command):
    client = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        code = await asyncio.wait_for(client.wait(), PATIENCE_S)
    except TimeoutError:
        client.kill()
        raise SystemExit(f"{shlex.join(command)} hangs") from None
    if code:
        raise SystemExit(f"{shlex.join(command)} failed with {code}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
