"""A TCP proxy that keeps every request it passes on, byte for byte, in order of completion."""

import asyncio


class Recorder:
    """Listens on a free port of 127.0.0.1 and passes everything on to `server`, a (host, port)."""

    def __init__(self, server):
        self._server = server
        self._tasks = set()
        self.requests = []

    async def __aenter__(self):
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._listener.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_):
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, client_in, client_out):
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        server_in, server_out = await asyncio.open_connection(*self._server)
        answers = asyncio.create_task(copy(server_in, client_out))
        try:
            while request := await read_request(client_in):
                self.requests.append(request)
                server_out.write(request)
                await server_out.drain()
        except ConnectionError:
            pass  # The client went away: what it sent is recorded.
        finally:
            answers.cancel()
            server_out.close()
            client_out.close()


async def copy(source, sink):
    """Passes bytes on until there are none; the reader of `sink` sees the end too."""
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()


async def read_request(stream):
    """One request as it was sent; nothing at the end of the connection."""
    try:
        head = await stream.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise ValueError(f"the connection ended within a head: {end.partial!r}") from end
        return b""
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        match name.strip().lower():
            case b"content-length":
                length = int(value)
            case b"transfer-encoding":
                raise ValueError("a chunked request: no client did that when this was written")
    return head + await stream.readexactly(length)
