"""What the workers of a gateway share: the tables of `ostiary._core`, what it counts and what it records.

There is no module of this name: import everything from `ostiary._core`.
"""

from typing import TypeAlias, final

from ostiary._core import Policy

_Meter: TypeAlias = tuple[int, int]
"""The place of one value that is counted."""

@final
class Shared:
    """What all workers of a gateway share: the tables of its policy, and what is counted."""

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
        descriptor: int | None = None,
        counters: int = 0,
    ) -> Shared:
        """`key`: 16 random octets, by which the tables hash. All but `worker` is the same in all workers.

        `policy`: as `Policy` takes it. `audit`: JSON, as `ostiary.audit` makes it of the configuration; None: nothing
        is recorded. `traced`: the share of operations to record for tracing. `descriptor`: memory that all map
        (`os.memfd_create`, sealing allowed), which stays the caller's; None: memory of this process alone.
        `counters`: room for so many names of `acquire`.

        `names` is JSON: `{"listeners": [[name, TLS mode, upstream]], "upstreams": [[name, [server]]],
        "plugins": [name], "exemplars": bool}`; labels have no other values. Raises: ValueError, as `Policy`; OSError
        when the memory cannot be mapped, or was made for something else.
        """
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

def audit_fields() -> list[tuple[str, str, str, str]]:
    """The fields of records: names in json, ecs and cef (empty where a format has none), and what they mean."""

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
    def samples(self) -> list[tuple[str, list[str], float | tuple[list[int], float]]]:
        """Family, values of its labels, value; a histogram's is counts by bucket (the last has no bound) and the sum in
        seconds."""
    def exemplars(self) -> list[tuple[list[str], int, int, int, float, float]]:
        """An operation of each bucket of `ostiary_operation_duration_seconds`, if they are remembered: values of the
        labels, bucket, connection, message id, seconds, and when it ended by the steady clock."""
    def meter(self, family: str, *labels: str) -> _Meter:
        """The place of one value. Raises: KeyError when there is none."""
    def add(self, meter: _Meter, by: int = 1) -> None:
        """Adds to a counter, or to this worker's part of a gauge (by less than 0 as well)."""
    def put(self, meter: _Meter, value: float) -> None:
        """Sets a gauge."""
    def observe(self, meter: _Meter, seconds: float) -> None:
        """Adds a value to a histogram."""
