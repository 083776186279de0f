"""What the workers of a gateway share: the tables of `ostiary._core`, what it counts and what it records.

There is no module of this name: import everything from `ostiary._core`.
"""

from collections.abc import Sequence
from typing import TypeAlias, final

from ostiary._core import Policy

_Layout: TypeAlias = tuple[int, int, int, int]
"""Entries of each table: buckets, counters in use, failures, refusals."""
_Sample: TypeAlias = tuple[str, list[str], float | tuple[list[int], float]]
_Exemplar: TypeAlias = tuple[list[str], int, int, int, float, float]
_Meter: TypeAlias = tuple[int, int]
"""The place of one value that is counted."""

@final
class Shared:
    """What all workers of a gateway share under one configuration: the tables of its policy, and what is counted."""

    def __new__(
        cls,
        key: bytes,
        names: str,
        *,
        policy: str | None = None,
        audit: str | None = None,
        traced: float | None = None,
        workers: int = 1,
        worker: int = 0,
        counters: int = 0,
        layout: _Layout | None = None,
        tables: int | None = None,
        meters: int | None = None,
    ) -> Shared:
        """`key`: 16 random octets, by which the tables hash. All but `worker` is the same in all workers.

        `policy`: as `Policy` takes it. `audit`: JSON, as `ostiary.audit` makes it of the configuration; None: nothing
        is recorded. `traced`: the share of operations to record for tracing. `counters`: room for so many names of
        `acquire`. `layout`: the size of the tables where other processes have made them; None: what is needed, with
        room for later. `tables`, `meters`: descriptors of memory that all map (`os.memfd_create`, sealing allowed),
        which stay the caller's; None: memory of this process alone.

        `names` is JSON: `{"listeners": [[name, TLS mode, upstream]], "upstreams": [[name, [server]]],
        "plugins": [name], "exemplars": bool}`; labels have no other values. Raises: ValueError, as `Policy`; OSError
        when the memory cannot be mapped, or was made for something else.
        """
    def needs(self, names: str, *, policy: str | None = None, counters: int = 0) -> tuple[bool, bool]:
        """Whether another configuration needs tables of its own, since these are too small, and meters of its own,
        since it has other names. Raises: ValueError, as `Policy`.
        """
    def renewed(
        self,
        names: str,
        *,
        policy: str | None = None,
        counters: int = 0,
        tables: int | None = None,
        meters: int | None = None,
    ) -> Shared:
        """What is shared under another configuration: the same, but for what `needs` says, for which other processes
        bring memory. What is recorded stays the same. Raises: as the constructor.
        """
    @property
    def layout(self) -> _Layout:
        """The size of the tables."""
    @property
    def policy(self) -> Policy | None:
        """The policy, its tables here; none where none was given."""
    @property
    def meters(self) -> Meters:
        """What is counted."""
    def next_connection(self) -> int:
        """A number for a connection that no other of any worker has had."""
    def drain(self) -> tuple[bytes, int, int]:
        """This worker's records that are to be written, how many they are, and how many were lost for want of room."""
    def drain_traces(self) -> bytes:
        """The records for tracing, a line of JSON each."""
    def set_wall(self, offset: float) -> None:
        """What to add to the steady clock for seconds since 1970: the time of records."""
    def most(self, count: int) -> list[list[tuple[str, int]]]:
        """The clients and the identities of this worker that asked most, and how often."""
    def forget_worker(self, worker: int) -> None:
        """Gives back what a worker had in use that has ended, before another takes its number."""
    def acquire(self, name: bytes, limit: int) -> Hold | None:
        """One of what `name` may have `limit` of, in all workers together; None: there is none left."""

def audit_fields() -> list[tuple[str, str, str, str, str, str]]:
    """The fields of records: names in json, ecs and cef (empty where a format has none), the kind of value in JSON
    (`time`, `text`, `texts`, `integer`, `number`, `true`), which records have it, and what it says."""

@final
class Hold:
    """One of something that is limited."""

    def release(self) -> None:
        """Gives it back, once."""

@final
class Meters:
    """What is counted, by family and the values of its labels."""

    @staticmethod
    def families() -> list[tuple[str, str, list[str], str, list[float]]]:
        """Name, type (`counter`, `gauge`, `histogram`), names of labels, help, upper bounds of buckets in seconds."""
    def samples(self) -> list[_Sample]:
        """Family, values of its labels, value; a histogram's is counts by bucket (the last has no bound) and the sum in
        seconds."""
    def exemplars(self) -> list[_Exemplar]:
        """An operation of each bucket of `ostiary_operation_duration_seconds`, if they are remembered: values of the
        labels, bucket, connection, message id, seconds, and when it ended by the steady clock."""
    def meter(self, family: str, *labels: str) -> _Meter:
        """The place of one value. Raises: KeyError when there is none."""
    def add(self, meter: _Meter, by: int = 1) -> None:
        """Adds to a counter, or to this worker's part of a gauge (by less than 0 as well)."""
    def put(self, meter: _Meter, value: float) -> None:
        """Sets a gauge."""
    def stopwatch(self, meter: _Meter, before: Stopwatch) -> Stopwatch:
        """One that goes on where `before` is and shows its laps by a histogram. Raises: KeyError when there is none."""

@final
class Stopwatch:
    """How often something was done, and how long that took."""

    def __new__(cls) -> Stopwatch: ...
    def lap(self, since: float) -> None:
        """It was done once more, and began at `since`, by `time.monotonic()`."""
    def start(self) -> None:
        """It begins, for `stop`."""
    def stop(self) -> None:
        """It was done once more, if it was begun."""
    @property
    def since(self) -> float | None:
        """When it was begun, by `time.monotonic()`; None when it was not, or is done."""
    @property
    def laps(self) -> int:
        """How often it was done."""
    @property
    def seconds(self) -> float:
        """How long that took in all."""

@final
class Totals:
    """What was counted since the gateway started, by the meters of all configurations that it has had."""

    def __new__(cls, number: int, shared: Shared) -> Totals:
        """`number` is the first configuration's."""
    def succeed(self, number: int, shared: Shared) -> None:
        """Another configuration is in force, which may count in the same meters."""
    @property
    def in_use(self) -> list[int]:
        """The configurations whose meters somebody in this process may count in, the present one last."""
    @property
    def earlier(self) -> int:
        """How many meters there are beside the present ones."""
    def fold(self, in_use: Sequence[int]) -> None:
        """Adds up what all meters counted but those of these configurations, and gives them up."""
    def forget_worker(self, worker: int) -> None:
        """Sets all gauges of a worker that has ended to 0."""
    def samples(self) -> list[_Sample]:
        """As `Meters.samples`, over all of them."""
    def exemplars(self) -> list[_Exemplar]:
        """As `Meters.exemplars`, of the present ones."""
