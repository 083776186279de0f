"""The sockets of a worker's sessions, of `ostiary._core`.

There is no module of this name: import everything from `ostiary._core`.
"""

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias, final

from ostiary._core import Event, RawRequest, Session, Stopwatch, Verdict

class _Owner(Protocol):
    def act(self, events: tuple[Event, ...]) -> None: ...
    def fail(self) -> None: ...

_Told: TypeAlias = tuple[list[tuple[_Owner, tuple[Event, ...]]] | None, bool, int]
"""Owners with their events; whether hooks are to be asked behind that (see `Driver.asked`); how it ended: 1, its time
is over, 2, what is watched beside is readable, or 0."""

@final
class Questions:
    """What one hook is asked about requests that sessions hold, in the order in which they came, and its verdicts.

    An iterator: it gives one after the other, its client as it was shown last, and the request. To go on means that the
    one before may pass. Where no more are held, it has the driver wait, as `Driver.wait` does, until there are. It ends
    when another hook is to be asked, when there is something that the next `Driver.wait` gives, when the driver
    `is_wanted`, and when somebody has kept the request that was lent. Those whose client is gone are left out, and
    forgotten. The stopwatch runs while the hook has one. Raises: OSError, as `Driver.wait`.
    """

    @property
    def owner(self) -> _Owner | None:
        """Whose the one is that was given last; None when it has its verdict, or its client is gone."""
    def __iter__(self) -> Iterator[tuple[Any, Any]]: ...
    def __next__(self) -> tuple[Any, Any]: ...
    def over(self) -> bool:
        """The hook is done with the one that was given last: what comes is not its time. False: there is none without a
        verdict."""
    def answer(self, verdict: Verdict) -> None:
        """What becomes of the one that was given last, instead of letting it pass."""

@final
class Driver:
    """Accepts, connects, reads, feeds sessions and writes what they say: 2 and 4 of what a driver owes a session.

    Owners are not called, but named in what a wait gives: a listener for its `Event.Accepted` and `NotAccepted`, a
    client's for everything else. A client, and whatever else it gives a number, keeps it; of one that is gone, calls do
    nothing. One thread uses it.
    """

    def __new__(cls) -> Driver:
        """Raises: OSError when the process has no descriptors left."""
    def wait(self, until: float | None) -> _Told:
        """Has sessions go on with requests that have their verdicts. Then waits until something happened, what is
        watched beside is readable, or it is that time by `time.monotonic()`; for ever by None.

        What happened is to be acted on in this order before the next wait. It ends early by a signal. Raises: OSError
        when the kernel does not tell any more.
        """
    is_wanted: bool
    """Somebody has something else to do: `Questions` do not wait."""
    @property
    def asked(self) -> tuple[int, int, str] | None:
        """Which hook is asked next: the configuration, the stage and the operation of an `Event.Held`, which comes here
        and not among events. None: nobody is asked before somebody is told something."""
    def ask(self, stopwatch: Stopwatch, request: RawRequest) -> Questions:
        """What that hook is asked. A request is lent, which nobody else has: it becomes the one that is asked about,
        and others behind it as long as nobody keeps it. Raises: RuntimeError when nobody is asked."""
    def hand_over(self) -> tuple[_Owner | None, Event.Held]:
        """The request that is asked about next, for its owner to have asked about, and to `resume`; None: its client is
        gone. Raises: RuntimeError when nobody is asked."""
    def show(self, client: int, shown: object) -> None:
        """What hooks are shown as the client from now on; by None, they are asked about nothing that it wants."""
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
