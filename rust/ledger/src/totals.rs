//! What was counted since the gateway started, whatever its configuration was meanwhile.
//!
//! A configuration with other names has meters of its own. Those before it live on as long as anybody counts in them;
//! then what they counted is added to a sum that stays. So a counter never goes back, whoever reads and whenever.

use std::collections::HashMap;
use std::sync::Arc;

use crate::families::{FAMILIES, Kind};
use crate::meters::{Exemplar, Meters, Value};

/// Family, values of its labels, value.
type Sample = (&'static str, Vec<Box<str>>, Value);

/// The meters of one gateway, of now and of before.
#[derive(Debug)]
pub struct Totals {
    current: (u64, Arc<Meters>),
    /// Those that somebody may still count in, by the number of their configuration.
    earlier: Vec<(u64, Arc<Meters>)>,
    /// What those counted that are gone.
    base: Vec<Sample>,
}

impl Totals {
    /// The totals of a gateway whose first configuration has this number.
    pub fn new(number: u64, meters: Arc<Meters>) -> Self {
        Self { current: (number, meters), earlier: Vec::new(), base: Vec::new() }
    }

    /// The gateway counts in these from now on, which may be those it had.
    pub fn succeed(&mut self, number: u64, meters: Arc<Meters>) {
        if Arc::ptr_eq(&self.current.1, &meters) {
            self.current.0 = number;
        } else {
            self.earlier.push(core::mem::replace(&mut self.current, (number, meters)));
        }
    }

    /// The numbers of those that are in use in this process: the present one, and those that others than this hold.
    pub fn in_use(&self) -> Vec<u64> {
        let held = self.earlier.iter().filter(|(_, meters)| Arc::strong_count(meters) > 1);
        held.map(|(number, _)| *number).chain(core::iter::once(self.current.0)).collect()
    }

    /// How many there are beside the present ones.
    pub fn earlier(&self) -> usize {
        self.earlier.len()
    }

    /// Adds up what those counted that nobody uses any more: all but these.
    pub fn fold(&mut self, in_use: &[u64]) {
        let is_used = |number: &u64| in_use.contains(number);
        let (kept, gone): (Vec<_>, Vec<_>) = self.earlier.drain(..).partition(|(number, _)| is_used(number));
        self.earlier = kept;
        if gone.is_empty() {
            return;
        }
        let counted = |(family, ..): &Sample| !is_gauge(family);
        let samples = gone.into_iter().flat_map(|(_, meters)| meters.samples()).filter(counted);
        self.base = added(core::mem::take(&mut self.base), samples);
    }

    /// What a worker had at the moment, and has no more: it has ended.
    pub fn forget_worker(&self, worker: usize) {
        for (_, meters) in self.earlier.iter().chain(core::iter::once(&self.current)) {
            meters.forget_worker(worker);
        }
    }

    /// Everything that was counted; see [`Meters::samples`].
    pub fn samples(&self) -> Vec<Sample> {
        let present = self.current.1.samples();
        if self.earlier.is_empty() && self.base.is_empty() {
            return present;
        }
        let before = self.earlier.iter().flat_map(|(_, meters)| meters.samples());
        // What was worst before is nothing to who looks now, and what is nowhere any more is not there.
        let matters = |(family, _, value): &Sample| match kind(family) {
            Some(Kind::Greatest) => false,
            Some(Kind::Sum) => *value != Value::Number(0.0),
            _ => true,
        };
        added(present, before.filter(matters).chain(self.base.iter().cloned()))
    }

    /// An operation of each bucket that has one; see [`Meters::exemplars`].
    pub fn exemplars(&self) -> Vec<(Vec<Box<str>>, usize, Exemplar)> {
        self.current.1.exemplars()
    }
}

fn kind(family: &str) -> Option<Kind> {
    FAMILIES.iter().find(|known| known.name == family).map(|known| known.kind)
}

fn is_gauge(family: &str) -> bool {
    kind(family).is_some_and(Kind::is_gauge)
}

/// The samples with others added to those of the same labels, those of one family together.
fn added(to: Vec<Sample>, more: impl Iterator<Item = Sample>) -> Vec<Sample> {
    let mut all = to;
    let place = |at: usize, (family, values, _): &Sample| ((*family, values.clone()), at);
    let mut places: HashMap<(&str, Vec<Box<str>>), usize> =
        all.iter().enumerate().map(|(at, sample)| place(at, sample)).collect();
    for sample in more {
        let (key, next) = place(all.len(), &sample);
        if let Some((.., known)) = places.get(&key).and_then(|at| all.get_mut(*at)) {
            add(known, &sample.2);
        } else {
            places.insert(key, next);
            all.push(sample);
        }
    }
    // Stable: within a family the order stays.
    all.sort_by_cached_key(|(family, ..)| FAMILIES.iter().position(|known| known.name == *family));
    all
}

fn add(known: &mut Value, more: &Value) {
    match (known, more) {
        (Value::Number(known), Value::Number(more)) => *known += more,
        (Value::Buckets(counts, sum), Value::Buckets(more, nanoseconds)) => {
            for (count, more) in counts.iter_mut().zip(more) {
                *count = count.saturating_add(*more);
            }
            *sum = sum.saturating_add(*nanoseconds);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use ostiary_arena::{Arena, Layout};
    use proptest::prelude::*;

    use super::*;
    use crate::families::Id;
    use crate::meters::Names;

    fn meters(listeners: &[&str]) -> Arc<Meters> {
        let names = Names {
            listeners: listeners.iter().map(|name| ((*name).into(), "none".into(), "directory".into())).collect(),
            upstreams: vec![("directory".into(), vec!["ldap://a".into()])],
            ..Names::default()
        };
        let layout = Layout { workers: 2, ..Meters::layout(&names) };
        Arc::new(Meters::new(&names, Arc::new(Arena::new([1; 16], layout))))
    }

    fn values(totals: &Totals, name: &str) -> Vec<(String, Value)> {
        let samples = totals.samples().into_iter().filter(|(family, ..)| *family == name);
        samples.map(|(_, values, value)| (values.join(","), value)).collect()
    }

    fn connected(meters: &Meters, place: usize, by: u64) {
        meters.add(meters.word(Id::ConnectionsTotal, &[place]), by);
        meters.shift(meters.word(Id::Connections, &[place]), by.cast_signed());
    }

    #[test]
    fn what_was_counted_stays_when_names_come_and_go() {
        let (first, second) = (meters(&["old", "kept"]), meters(&["kept", "new"]));
        let mut totals = Totals::new(1, Arc::clone(&first));
        connected(&first, 0, 2);
        connected(&first, 1, 3);
        first.put(first.word(Id::LoopLag, &[]), 9.0);
        first.observe(Id::OperationSeconds, first.word(Id::OperationSeconds, &[0, 0]), 0.5);
        totals.succeed(2, Arc::clone(&second));
        connected(&second, 0, 4);
        second.observe(Id::OperationSeconds, second.word(Id::OperationSeconds, &[0, 0]), 0.25);
        let number = |name: &str, value: f64| (name.to_owned(), Value::Number(value));
        let expected = vec![number("kept,none", 7.0), number("new,none", 0.0), number("old,none", 2.0)];
        assert_eq!(values(&totals, "ostiary_connections_total"), expected);
        let both = vec![number("kept", 7.0), number("new", 0.0), number("old", 2.0)];
        assert_eq!(values(&totals, "ostiary_connections"), both);
        assert_eq!(values(&totals, "ostiary_event_loop_lag_seconds"), vec![number("", 0.0)]);
        // Somebody still counts there.
        assert_eq!(totals.in_use(), [1, 2]);
        totals.fold(&totals.in_use());
        assert_eq!(totals.earlier(), 1);
        connected(&first, 0, 1);
        first.shift(first.word(Id::Connections, &[0]), -3);
        first.shift(first.word(Id::Connections, &[1]), -3);
        drop(first);
        assert_eq!(totals.in_use(), [2]);
        totals.fold(&totals.in_use());
        assert_eq!(totals.earlier(), 0);
        let expected = vec![number("kept,none", 7.0), number("new,none", 0.0), number("old,none", 3.0)];
        assert_eq!(values(&totals, "ostiary_connections_total"), expected);
        assert_eq!(values(&totals, "ostiary_connections"), vec![number("kept", 4.0), number("new", 0.0)]);
        let [(_, Value::Buckets(counts, sum))] = &values(&totals, "ostiary_operation_duration_seconds")[..] else {
            panic!("one row");
        };
        assert_eq!((counts.iter().sum::<u64>(), *sum), (2, 750_000_000));
        // The families stay together, in their order.
        let mut families: Vec<_> = totals.samples().into_iter().map(|(family, ..)| family).collect();
        families.dedup();
        let known: Vec<_> = FAMILIES.iter().map(|family| family.name).filter(|name| families.contains(name)).collect();
        assert_eq!(families, known);
    }

    #[test]
    fn the_same_meters_under_another_number_are_the_same() {
        let only = meters(&["a"]);
        let mut totals = Totals::new(1, Arc::clone(&only));
        totals.succeed(2, Arc::clone(&only));
        assert_eq!((totals.in_use(), totals.earlier()), (vec![2], 0));
        connected(&only, 0, 1);
        totals.forget_worker(0);
        assert_eq!(values(&totals, "ostiary_connections"), vec![("a".to_owned(), Value::Number(0.0))]);
        assert_eq!(values(&totals, "ostiary_connections_total"), vec![("a,none".to_owned(), Value::Number(1.0))]);
    }

    proptest! {
        #[test]
        fn no_count_is_lost_and_none_goes_back(steps in prop::collection::vec((0..4_u8, 0..3_usize), 1..60)) {
            let all = ["a", "b", "c"];
            let mut living = vec![meters(&all)];
            let mut totals = Totals::new(0, Arc::clone(&living[0]));
            let (mut expected, mut last) = (0.0_f64, 0.0_f64);
            for (number, (step, which)) in (1_u64..).zip(steps) {
                match step {
                    0 => {
                        let next = meters(&all[..=which]);
                        totals.succeed(number, Arc::clone(&next));
                        living.push(next);
                    }
                    1 if living.len() > 1 => drop(living.remove(0)),
                    2 => totals.fold(&totals.in_use()),
                    _ => {
                        let meters = &living[which % living.len()];
                        meters.add(meters.word(Id::ConnectionsTotal, &[0]), 1);
                        expected += 1.0;
                    }
                }
                let told = values(&totals, "ostiary_connections_total");
                let sum: f64 = told.iter().map(|(_, value)| match value {
                    Value::Number(number) => *number,
                    Value::Buckets(..) => 0.0,
                }).sum();
                prop_assert!(sum >= last);
                last = sum;
                prop_assert!((sum - expected).abs() < 0.5);
            }
        }
    }
}
