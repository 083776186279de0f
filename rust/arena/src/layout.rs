//! Where each table of the region is: one declaration, from which every offset follows.

use crate::slots::WAYS;

/// The most entries of one table: 16 MiB of the region. No directory has more clients at a time.
pub const ENTRIES_MAX: usize = 1_048_576;
/// The most processes that share a region: more than a machine that carries a directory's door has cores.
pub const WORKERS_MAX: usize = 512;
/// Counters in a set: more than slots, because a counter in use cannot give way.
pub(crate) const COUNTER_WAYS: usize = 16;
/// Words that each hold the generation of a share of all names.
const GENERATIONS: usize = 4_096;
/// Entries that a table has at least where others may come to use it later. Memory is found once it is written, so room
/// costs what is used of it.
const ROOM: usize = 131_072;

/// How many entries each table has. Numbers are rounded up to powers of two, and to one set at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Token buckets.
    pub buckets: usize,
    /// Counters in use, of each worker.
    pub counters: usize,
    /// Failures of keys that are guarded, and what they have in flight.
    pub failures: usize,
    /// Refusals that are remembered.
    pub refusals: usize,
    /// Words that all workers count in.
    pub meters: usize,
    /// Words that each worker counts in for itself.
    pub counts: usize,
    /// Words that each worker has for itself.
    pub gauges: usize,
    /// Processes that share the region; 0 is taken for 1.
    pub workers: usize,
}

/// A table: where it begins, and what chooses a set of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) first: usize,
    pub(crate) mask: usize,
    pub(crate) set_words: usize,
}

/// Every table's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) buckets: Table,
    /// Those of the first worker; those of the others are as large, and lie behind them.
    pub(crate) counters: Table,
    pub(crate) failures: Table,
    pub(crate) in_flight: Table,
    pub(crate) refusals: Table,
    pub(crate) generations: Table,
    pub(crate) estimate: usize,
    /// The first of the meters, and how many there are.
    pub(crate) meters: (usize, usize),
    /// The first of the counts, how many each worker has, and of how many workers.
    pub(crate) counts: (usize, usize),
    /// The first of the gauges, how many each worker has, and of how many workers.
    pub(crate) gauges: (usize, usize),
    pub(crate) workers: usize,
    /// Tells whoever maps the region whether it was made for the same layout and secret.
    pub(crate) mark: usize,
    pub(crate) words: usize,
}

impl Places {
    /// The table that a worker counts in.
    pub(crate) fn counters_of(&self, worker: usize) -> Table {
        let table = self.counters;
        let words = table.mask.saturating_add(1).saturating_mul(table.set_words);
        Table { first: table.first.saturating_add(worker.saturating_mul(words)), ..table }
    }
}

impl Layout {
    /// Room for what both need.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            buckets: self.buckets.saturating_add(other.buckets),
            counters: self.counters.saturating_add(other.counters),
            failures: self.failures.saturating_add(other.failures),
            refusals: self.refusals.saturating_add(other.refusals),
            meters: self.meters.saturating_add(other.meters),
            counts: self.counts.saturating_add(other.counts),
            gauges: self.gauges.saturating_add(other.gauges),
            workers: self.workers.max(other.workers),
        }
    }

    /// The same with tables that also have room for what a configuration may ask for later.
    #[must_use]
    pub fn with_room(self) -> Self {
        Self {
            buckets: self.buckets.max(ROOM),
            counters: self.counters.max(ROOM),
            failures: self.failures.max(ROOM),
            refusals: self.refusals.max(ROOM),
            ..self
        }
    }

    /// Whether tables of this size have the entries that another layout asks for.
    pub fn holds(&self, other: &Self) -> bool {
        self.buckets >= other.buckets
            && self.counters >= other.counters
            && self.failures >= other.failures
            && self.refusals >= other.refusals
    }

    pub(crate) fn places(self) -> Places {
        let mut end = 0_usize;
        let mut table = |entries: usize, ways: usize, entry_words: usize| {
            let entries = entries.clamp(ways, ENTRIES_MAX).next_power_of_two();
            let sets = entries.checked_div(ways).unwrap_or(1);
            let first = end;
            end = end.saturating_add(entries.saturating_mul(entry_words));
            Table { first, mask: sets.saturating_sub(1), set_words: ways.saturating_mul(entry_words) }
        };
        let buckets = table(self.buckets, WAYS, 2);
        let failures = table(self.failures, WAYS, 2);
        // What is in flight is a small part of what failed once.
        let in_flight = table(self.failures / 8, WAYS, 2);
        let refusals = table(self.refusals, WAYS, 2);
        // Of use to who remembers refusals.
        let generations = table(if self.refusals == 0 { 1 } else { GENERATIONS }, 1, 1);
        let workers = self.workers.clamp(1, WORKERS_MAX);
        let counters = table(self.counters, COUNTER_WAYS, 1);
        for _ in 1..workers {
            table(self.counters, COUNTER_WAYS, 1);
        }
        let estimate = end;
        let (meters, gauges) = (self.meters.min(ENTRIES_MAX), self.gauges.min(ENTRIES_MAX));
        let counts = self.counts.min(ENTRIES_MAX);
        let first_meter = estimate.saturating_add(1);
        let first_count = first_meter.saturating_add(meters);
        let first_gauge = first_count.saturating_add(counts.saturating_mul(workers));
        let mark = first_gauge.saturating_add(gauges.saturating_mul(workers));
        Places {
            buckets,
            counters,
            failures,
            in_flight,
            refusals,
            generations,
            estimate,
            meters: (first_meter, meters),
            counts: (first_count, counts),
            gauges: (first_gauge, gauges),
            workers,
            mark,
            words: mark.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_with_room_hold_what_comes_later_up_to_that() {
        let small = Layout { buckets: 64, meters: 7, ..Layout::default() };
        let roomy = small.with_room();
        assert_eq!((roomy.meters, roomy.workers), (7, 0));
        let later = Layout { buckets: ROOM, counters: ROOM, failures: 1, refusals: 1, meters: 9_000, ..small };
        assert!(roomy.holds(&later) && roomy.holds(&roomy) && !small.holds(&later));
        assert!(!roomy.holds(&Layout { buckets: ROOM + 1, ..small }));
        let large = Layout { failures: 2 * ROOM, ..small };
        assert_eq!(large.with_room().failures, 2 * ROOM);
    }

    #[test]
    fn tables_lie_side_by_side_and_cover_the_region() {
        for layout in [
            Layout::default(),
            Layout {
                buckets: 65_536,
                counters: 1,
                failures: 100,
                refusals: 3,
                meters: 7,
                counts: 5,
                gauges: 2,
                workers: 3,
            },
            Layout {
                buckets: usize::MAX,
                counters: usize::MAX,
                failures: usize::MAX,
                refusals: usize::MAX,
                meters: usize::MAX,
                counts: usize::MAX,
                gauges: usize::MAX,
                workers: usize::MAX,
            },
        ] {
            let places = layout.places();
            let Places { buckets, counters, failures, in_flight, refusals, generations, .. } = places;
            let mut end = 0;
            for table in [buckets, failures, in_flight, refusals, generations] {
                assert_eq!(table.first, end);
                end += (table.mask + 1) * table.set_words;
            }
            assert_eq!(counters.first, end);
            end += (counters.mask + 1) * counters.set_words * places.workers;
            assert_eq!((places.estimate, places.meters.0), (end, end + 1), "{layout:?}");
            assert_eq!(places.counts.0, places.meters.0 + places.meters.1);
            assert_eq!(places.gauges.0, places.counts.0 + places.counts.1 * places.workers);
            assert_eq!(places.mark, places.gauges.0 + places.gauges.1 * places.workers);
            assert_eq!(places.words, places.mark + 1);
        }
    }
}
