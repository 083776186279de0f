"""The channel between supervisor and worker."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ostiary.control import Channel, receive_first


async def test_messages_arrive_whole_and_in_order() -> None:
    ours, theirs = map(Channel.open, socket.socketpair())
    one, other = await ours, await theirs
    sent = [{"number": number, "text": "\n" * number} for number in range(50)] + [{"large": "x" * 2_000_000}]
    for each in sent:
        one.send(each)
    assert [await other.receive() for _ in sent] == sent
    other.send({"status": {}})
    assert await one.receive() == {"status": {}}
    one.close()
    assert await other.receive() is None
    other.send({"nobody": "hears it"})
    other.close()
    other.send({"nobody": "hears it"})


@pytest.mark.parametrize("said", [b"", b"half", b"no json\n", b"[1]\n", b"\xff\n", b"x" * 5_000_000])
async def test_what_is_no_message_is_the_end(said: bytes) -> None:
    end, other = socket.socketpair()
    channel = await Channel.open(end)

    def say() -> None:
        with other:
            other.sendall(said)

    saying = asyncio.get_running_loop().run_in_executor(None, say)
    assert await channel.receive() is None
    channel.close()
    await asyncio.gather(saying, return_exceptions=True)


def test_the_first_message_is_read_without_an_event_loop() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b'{"worker": ')
        ours.sendall(b"3}\n")
        assert receive_first(theirs) == {"worker": 3}
        ours.close()
        with pytest.raises(EOFError):
            receive_first(theirs)
