//! What all sessions of a gateway share: tables, policy, meters and records; and what becomes of them when the gateway
//! gets another configuration.
//!
//! Tables hold who asked how often and who is locked out. They outlive a configuration as long as they are large enough
//! for the next one, and are made with room for that. Meters have a place for each name of a configuration, so another
//! one with other names has meters of its own; see [`crate::Totals`] for their sum. Records stay as they are.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use ostiary_arena::{Arena, Hold, Layout};
use ostiary_policy::spec::PolicySpec;
use ostiary_policy::{Fault, Policy};

use crate::book::Book;
use crate::meters::{Meters, Names};
use crate::sheet::Sheet;

/// Where the number of the last connection is among the tables' words.
const CONNECTIONS: usize = 0;
/// Numbers that are left out when tables are made anew: workers may still take some from the old ones.
const CONNECTIONS_LEFT_OUT: u64 = 1 << 20;

/// Which of the processes of a gateway this one is.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    /// What keys are hashed under, the same in all of them.
    pub secret: [u8; 16],
    /// How many there are.
    pub workers: usize,
    /// The number of this one.
    pub worker: usize,
}

/// Descriptors of memory that processes share; none: memory of this process alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// For the tables.
    pub tables: Option<RawFd>,
    /// For the meters.
    pub meters: Option<RawFd>,
}

/// What a configuration asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What is counted has these names, but for those of rules.
    pub names: &'a Names,
    /// The policy, and its text, by which it is known again.
    pub policy: Option<(&'a str, &'a PolicySpec)>,
    /// Counters in use beside those of the policy.
    pub counters: usize,
}

/// Why there is nothing to share.
#[derive(Debug)]
pub enum Refused {
    /// The policy has faults, each with its stage.
    Policy(Vec<(usize, Fault)>),
    /// There is no memory, or it was made for something else.
    Memory(io::Error),
}

/// What one process has of it.
pub struct Shared {
    seat: Seat,
    is_own: bool,
    layout: Layout,
    tables: Arc<Arena>,
    policy: Option<Arc<Policy>>,
    text: Box<str>,
    meters: Arc<Meters>,
    names: Arc<Names>,
    book: Arc<Book>,
}

impl Shared {
    /// What the first configuration of this process asks for. `layout` says how large the tables are, where that was
    /// decided by another process; otherwise they are as large as is wanted, with room for more.
    pub fn new(
        seat: Seat,
        wanted: Wanted<'_>,
        layout: Option<Layout>,
        book: Book,
        memory: Memory,
    ) -> Result<Self, Refused> {
        let needed = needed(wanted)?;
        let layout = layout.unwrap_or_else(|| needed.with_room());
        let tables = arena(seat, tables_of(layout, seat), memory.tables)?;
        let (policy, names) = compiled(wanted, &tables)?;
        let meters = meters(seat, &names, memory.meters)?;
        let text = wanted.policy.map_or("", |(text, _)| text).into();
        let is_own = memory.tables.is_none();
        Ok(Self { seat, is_own, layout, tables, policy, text, meters, names: Arc::new(names), book: Arc::new(book) })
    }

    /// Whether a configuration needs tables of its own, and meters of its own.
    pub fn needs(&self, wanted: Wanted<'_>) -> Result<(bool, bool), Refused> {
        let (_, names) = compiled(wanted, &self.tables)?;
        Ok((!self.layout.holds(&needed(wanted)?), names != *self.names))
    }

    /// The same for another configuration. New memory is only looked at where [`Self::needs`] says that it is needed.
    ///
    /// A gateway that had a policy keeps one, if only one that asks nothing: sessions would not know what else to do with
    /// what is under way.
    pub fn renewed(&self, wanted: Wanted<'_>, memory: Memory) -> Result<Self, Refused> {
        let (needs_tables, needs_meters) = self.needs(wanted)?;
        let missing = |descriptor: Option<RawFd>| {
            let is_missing = !self.is_own && descriptor.is_none();
            if is_missing { Err(Refused::Memory(io::Error::from(io::ErrorKind::InvalidInput))) } else { Ok(descriptor) }
        };
        let (mut layout, mut tables) = (self.layout, Arc::clone(&self.tables));
        if needs_tables {
            layout = needed(wanted)?.with_room();
            tables = arena(self.seat, tables_of(layout, self.seat), missing(memory.tables)?)?;
            let number = self.tables.read(CONNECTIONS).saturating_add(CONNECTIONS_LEFT_OUT);
            if tables.read(CONNECTIONS) < number {
                tables.put(CONNECTIONS, number);
            }
        }
        let (mut policy, names) = compiled(wanted, &tables)?;
        let text: Box<str> = wanted.policy.map_or("", |(text, _)| text).into();
        if let (Some(before), true) = (&self.policy, text == self.text && !needs_tables) {
            policy = Some(Arc::clone(before));
        } else if self.policy.is_some() && policy.is_none() {
            policy = Some(Arc::new(policy_in(&PolicySpec::default(), &tables)?));
        }
        let meters =
            if needs_meters { meters(self.seat, &names, missing(memory.meters)?)? } else { Arc::clone(&self.meters) };
        let names = Arc::new(names);
        let (seat, is_own, book) = (self.seat, self.is_own, Arc::clone(&self.book));
        Ok(Self { seat, is_own, layout, tables, policy, text, meters, names, book })
    }

    /// How large the tables are.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The policy in force.
    pub fn policy(&self) -> Option<&Arc<Policy>> {
        self.policy.as_ref()
    }

    /// The meters.
    pub fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// The records.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The tables.
    pub fn tables(&self) -> &Arc<Arena> {
        &self.tables
    }

    /// The sheet of a listener; none when there is none of this name.
    pub fn sheet(&self, listener: &str) -> Option<Sheet> {
        Sheet::new(&self.meters, &self.book, &self.names, listener)
    }

    /// A number for a connection, that no other has had since the gateway started.
    pub fn next_connection(&self) -> u64 {
        self.tables.add(CONNECTIONS, 1).saturating_add(1)
    }

    /// Gives back what was acquired.
    pub fn release(&self, hold: Hold) {
        self.tables.release(hold);
    }
}

/// The tables, and a word for the connections' numbers.
fn tables_of(layout: Layout, seat: Seat) -> Layout {
    Layout { meters: 1, gauges: 0, workers: seat.workers, ..layout }
}

/// The tables that a configuration asks for.
fn needed(wanted: Wanted<'_>) -> Result<Layout, Refused> {
    let own = Layout { counters: wanted.counters, ..Layout::default() };
    let mut layout = Layout::default();
    if let Some((_, spec)) = wanted.policy {
        let policy = Policy::compile_in(spec, |needed, _| {
            layout = needed;
            Arc::new(Arena::new([0; 16], Layout::default()))
        });
        policy.map_err(Refused::Policy)?;
    }
    Ok(own.joined(layout))
}

fn policy_in(spec: &PolicySpec, tables: &Arc<Arena>) -> Result<Policy, Refused> {
    Policy::compile_in(spec, |_, _| Arc::clone(tables)).map_err(Refused::Policy)
}

/// The policy in these tables, and the names with those of its rules.
fn compiled(wanted: Wanted<'_>, tables: &Arc<Arena>) -> Result<(Option<Arc<Policy>>, Names), Refused> {
    let mut names = wanted.names.clone();
    let Some((_, spec)) = wanted.policy else { return Ok((None, names)) };
    let policy = Policy::compile_in(spec, |_, rules| {
        names.rules = rules.into_iter().map(|(plugin, rule)| (plugin.to_owned(), rule.to_owned())).collect();
        Arc::clone(tables)
    });
    Ok((Some(Arc::new(policy.map_err(Refused::Policy)?)), names))
}

fn meters(seat: Seat, names: &Names, descriptor: Option<RawFd>) -> Result<Arc<Meters>, Refused> {
    let layout = Layout { workers: seat.workers, ..Meters::layout(names) };
    Ok(Arc::new(Meters::new(names, arena(seat, layout, descriptor)?)))
}

fn arena(seat: Seat, layout: Layout, descriptor: Option<RawFd>) -> Result<Arc<Arena>, Refused> {
    let made = match descriptor {
        Some(descriptor) => Arena::map(descriptor, seat.secret, layout, seat.worker).map_err(Refused::Memory)?,
        None => Arena::new(seat.secret, layout),
    };
    Ok(Arc::new(made))
}

#[cfg(test)]
mod tests {
    use ostiary_arena::{Acquired, Quota, Verdict};

    use super::*;

    const SEAT: Seat = Seat { secret: [7; 16], workers: 1, worker: 0 };

    fn names(listeners: &[&str]) -> Names {
        Names {
            listeners: listeners.iter().map(|name| ((*name).into(), "none".into(), "directory".into())).collect(),
            upstreams: vec![("directory".into(), vec!["ldap://a".into()])],
            ..Names::default()
        }
    }

    fn limit(entries: usize, name: &str) -> (String, PolicySpec) {
        let limits = format!(r#"[{{"name": "{name}", "operations": "bind", "key": "client", "rate": "1/s"}}]"#);
        let rules = format!(r#"{{"rate_limit": {{"entries": {entries}, "limits": {limits}}}}}"#);
        let text = format!(r#"{{"stages": [{{"plugin": "rate", "rules": {rules}}}]}}"#);
        let spec = serde_json::from_str(&text).unwrap();
        (text, spec)
    }

    fn wanted<'a>(names: &'a Names, policy: Option<&'a (String, PolicySpec)>) -> Wanted<'a> {
        Wanted { names, policy: policy.map(|(text, spec)| (text.as_str(), spec)), counters: 4 }
    }

    fn first(names: &Names, policy: Option<&(String, PolicySpec)>) -> Shared {
        Shared::new(
            SEAT,
            wanted(names, policy),
            None,
            Book::new(None, None).unwrap_or_else(|_| panic!()),
            Memory::default(),
        )
        .unwrap_or_else(|_| panic!())
    }

    fn next(shared: &Shared, names: &Names, policy: Option<&(String, PolicySpec)>) -> Shared {
        shared.renewed(wanted(names, policy), Memory::default()).unwrap_or_else(|_| panic!())
    }

    #[test]
    fn what_is_the_same_is_kept() {
        let (names, policy) = (names(&["a"]), limit(65_536, "binds"));
        let one = first(&names, Some(&policy));
        let other = next(&one, &names, Some(&policy));
        assert!(Arc::ptr_eq(one.tables(), other.tables()));
        assert!(Arc::ptr_eq(one.meters(), other.meters()));
        assert!(Arc::ptr_eq(one.policy().unwrap(), other.policy().unwrap()));
        assert_eq!((one.next_connection(), other.next_connection()), (1, 2));
    }

    #[test]
    fn other_names_have_other_meters_and_the_same_tables() {
        let (few, more) = (names(&["a"]), names(&["a", "b"]));
        let one = first(&few, None);
        let key = one.tables().hasher().key();
        let quota = Quota::new(1, 3_600, 1);
        assert_eq!(one.tables().take(key, quota, 1.0), Verdict::Allowed);
        let Acquired::Held(hold) = one.tables().acquire(key, 1) else { panic!("none was in use") };
        let policy = limit(65_536, "binds");
        let other = next(&one, &more, Some(&policy));
        assert!(!Arc::ptr_eq(one.meters(), other.meters()));
        assert!(Arc::ptr_eq(one.tables(), other.tables()));
        assert!(one.sheet("b").is_none() && other.sheet("b").is_some());
        assert_ne!(other.tables().take(key, quota, 1.0), Verdict::Allowed);
        assert_eq!(other.tables().acquire(key, 1), Acquired::Full);
        one.release(hold);
        assert!(matches!(other.tables().acquire(key, 1), Acquired::Held(_)));
    }

    #[test]
    fn another_rule_is_another_policy_and_none_is_one_that_asks_nothing() {
        let names = names(&["a"]);
        let (one, other) = (limit(64, "one"), limit(64, "other"));
        let before = first(&names, Some(&one));
        let after = next(&before, &names, Some(&other));
        assert!(!Arc::ptr_eq(before.policy().unwrap(), after.policy().unwrap()));
        assert!(!Arc::ptr_eq(before.meters(), after.meters()));
        let without = next(&after, &names, None);
        assert!(!without.policy().unwrap().limits_connections());
        assert!(!Arc::ptr_eq(without.policy().unwrap(), after.policy().unwrap()));
        assert!(first(&names, None).policy().is_none());
    }

    #[test]
    fn tables_that_are_too_small_are_made_anew_and_numbers_go_on() {
        let names = names(&["a"]);
        let one = first(&names, None);
        assert_eq!(one.next_connection(), 1);
        let large = limit(1_048_576, "binds");
        assert_eq!(one.needs(wanted(&names, Some(&large))).unwrap_or_else(|_| panic!()), (true, true));
        let other = next(&one, &names, Some(&large));
        assert!(!Arc::ptr_eq(one.tables(), other.tables()));
        assert!(other.next_connection() > 1_000_000);
        assert!(Arc::ptr_eq(next(&other, &names, Some(&large)).tables(), other.tables()));
    }

    #[test]
    fn a_policy_with_faults_changes_nothing() {
        let names = names(&["a"]);
        let one = first(&names, None);
        let small = limit(1, "binds");
        let Err(Refused::Policy(faults)) = one.renewed(wanted(&names, Some(&small)), Memory::default()) else {
            panic!("it has too few entries");
        };
        assert_eq!(faults.len(), 1);
    }
}
