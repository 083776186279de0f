"""The sockets of a worker's sessions, of `ostiary._core`.

There is no module of this name: import everything from `ostiary._core`.
"""

from typing import Protocol, TypeAlias, final

from ostiary._core import Event, Session, Verdict

class _Owner(Protocol):
    def act(self, events: tuple[Event, ...]) -> None: ...
    def fail(self) -> None: ...

_Told: TypeAlias = tuple[
    list[tuple[_Owner, tuple[Event, ...]]] | None,
    list[tuple[_Owner, int, int, int, str, bytes]] | None,
    bool,
]
"""Owners with their events; the values of each `Event.Held` behind its owner, which come here and not among events;
whether what is watched beside is readable."""

@final
class Driver:
    """Accepts, connects, reads, feeds sessions and writes what they say: 2 and 4 of what a driver owes a session.

    Owners are not called, but named in what a wait gives: a listener for its `Event.Accepted` and `NotAccepted`, a
    client's for everything else. A client, and whatever else it gives a number, keeps it; of one that is gone, calls do
    nothing. One thread uses it.
    """

    def __new__(cls) -> Driver:
        """Raises: OSError when the process has no descriptors left."""
    def wait(self, seconds: float | None, verdicts: list[Verdict | None]) -> _Told:
        """Has sessions go on with the requests that the last wait told of: `verdicts` are in their order, None for one
        that comes later by `resume`. Then waits until something happened, what is watched beside is readable, or so
        long; for ever by None.

        What happened is to be acted on in this order before the next wait. It ends early by a signal. Raises: OSError
        when the kernel does not tell any more.
        """
    def passage(self) -> int:
        """A descriptor by which `listen` and `watch` get one: send it there (`SCM_RIGHTS`), and close this one."""
    def watch(self) -> None:
        """Waits, too, until the descriptor is readable that was sent by the last passage. Raises: OSError."""
    def listen(self, owner: _Owner) -> int:
        """Accepts on the socket that was sent by the last passage. Gives its name. Raises: OSError."""
    def set_accepting(self, listening: int, is_wanted: bool) -> None:
        """Whether to accept there for the time being. Raises: OSError."""
    def enter(self, client: int, owner: _Owner, session: Session, most_waiting: int) -> None:
        """The client of an `Event.Accepted` may stay: its octets go to that session from now on.

        `most_waiting` is how many may wait for either side before the other is not read; it is read again below a
        quarter of that. Raises: OSError.
        """
    def set_most_waiting(self, client: int, octets: int) -> None: ...
    def connect(self, client: int, address: str, port: int, scope: int) -> bool:
        """Connects the session to a server at an IP address; `scope` is an IPv6 zone's number, or 0.

        True: connected at once; otherwise the client's owner gets `Event.Connected` or `NotConnected`. It is not read
        from before `release_upstream`. Raises: OSError, ValueError.
        """
    def connect_unix(self, client: int, path: str) -> bool:
        """The same by a unix socket."""
    def lend(self, client: int) -> int:
        """Somebody else connects, and passes octets on: the other end, a descriptor, of what stands for the server.
        Raises: OSError."""
    def release_upstream(self, client: int) -> None: ...
    def keep_alive(self, client: int, idle: int, interval: int, count: int) -> None:
        """Has the kernel look whether the server is there, after `idle` silent seconds. Raises: OSError."""
    def write_client(self, client: int, octets: bytes) -> None: ...
    def write_upstream(self, client: int, octets: bytes) -> None:
        """Nothing where there is no server."""
    def resume(self, client: int, hold: int, verdict: Verdict) -> tuple[Event, ...]:
        """`Session.resume`; what it says is written. Gives its events."""
    def hold_client(self, client: int) -> None:
        """Reads from the client no more until `release_client`."""
    def release_client(self, client: int) -> None: ...
    def leave_upstream(self, client: int) -> int | None:
        """Closes the server's socket once everything is written. The name to `remove` it by, if that is not now."""
    def leave(self, client: int) -> bool:
        """Closes the client's socket once everything is written. True: that is now, and it has no name any more;
        otherwise the owner gets an `Event.ClientLost` in time."""
    def remove(self, key: int) -> None:
        """Closes and forgets a client with its server, a socket that is being left, or a listening socket."""
