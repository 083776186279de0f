"""A rule's size limit holds whatever a client wishes, and whatever it does with pages and cookies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..real import wire
from ..real.gateway import Gateway
from ..real.raw_client import RawClient
from .attempts import ID, people
from .content import APP
from .rules import log_in
from .spelling import SUB, cookie_of, paged

SIZE_LIMIT_EXCEEDED = 4


def counted(client: RawClient, request: bytes) -> tuple[int, wire.Message]:
    *entries, done = client.send(request).receive_final()
    return len(entries), done


def page(cookie: bytes, size: int = 3, message_id: int = ID) -> bytes:
    filter = wire.present(b"uid")
    return wire.search(
        message_id, people, scope=SUB, filter=filter, attributes=[b"uid"], controls=[paged(size, cookie)]
    )


def all_pages(client: RawClient, cookie: bytes = b"", size: int = 3) -> tuple[int, int]:
    """How many entries the pages bring, and the code that ends them."""
    found = 0
    while True:
        count, done = counted(client, page(cookie, size))
        found += count
        cookie = cookie_of(done)
        if done.code != wire.SUCCESS or not cookie:
            return found, done.code


@pytest.fixture
def limited(ruled: Gateway) -> Iterator[RawClient]:
    """A client whose searches may bring seven entries."""
    with RawClient(ruled.addresses["limited"]) as client:
        log_in(client, APP)
        yield client


def test_size_limit_holds_without_pages_and_against_larger_wishes(limited: RawClient) -> None:
    for wish in (0, 1_000, 2**31 - 1):
        request = wire.search(ID, people, scope=SUB, filter=wire.present(b"uid"), attributes=[b"uid"], size_limit=wish)
        count, done = counted(limited, request)
        assert (count, done.code) == (7, SIZE_LIMIT_EXCEEDED)


@pytest.mark.parametrize("size", [1, 3, 7, 8, 1_000, 2**31 - 1])
def test_size_limit_counts_all_pages_together(limited: RawClient, size: int) -> None:
    assert all_pages(limited, size=size) == (7, SIZE_LIMIT_EXCEEDED)


def test_a_cookie_cannot_be_used_again_or_made_up_to_see_more(limited: RawClient) -> None:
    seen, done = counted(limited, page(b""))
    first = cookie_of(done)
    further, done = counted(limited, page(first))
    # The first cookie again, in the second one's place: slapd knows only the last.
    again, _ = counted(limited, page(first))
    made_up, _ = counted(limited, page(b"\x00" * len(first)))
    rest, code = all_pages(limited, cookie_of(done))
    assert seen + further <= 7
    assert again + made_up + rest <= 7
    assert code != wire.SUCCESS


def test_a_size_of_zero_and_a_new_start_bring_the_same_few(limited: RawClient) -> None:
    for _ in range(3):
        count, done = counted(limited, page(b""))
        assert count == 3
        # Size 0 with a cookie gives a paged search up (RFC 2696).
        count, done = counted(limited, page(cookie_of(done), 0))
        assert count <= 7
    assert all_pages(limited) == (7, SIZE_LIMIT_EXCEEDED)
