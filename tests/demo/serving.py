"""The demo's directory in a thread of its own, as blocking clients need it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator

from ostiary.demo.directory import ADMINISTRATOR, Directory
from ostiary.demo.tree import Tree
from ostiary.tls import ThrowawayFiles


@contextlib.contextmanager
def serving(tree: Tree, files: ThrowawayFiles, administrator: str = ADMINISTRATOR) -> Iterator[Directory]:
    """A directory with this content, which shows the server's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server_certificate, files.server_key)
    made = Directory(tree, context, administrator)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(5)
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()
