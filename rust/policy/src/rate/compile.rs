//! From limits as data to limits that can be asked; every fault is told.

use std::sync::Arc;

use ostiary_arena::{ENTRIES_MAX, Quota};
use ostiary_ldap::message::RequestKind;

use super::keys::{self, KeyParts, Prefix};
use super::networks::Networks;
use super::spec::{LimitSpec, RateLimitSpec};
use super::{Amount, Exceeded, Limit, Operations, RateLimit, TEXT};
use crate::fault::Faults;
use crate::spec::{OneOrMany, word};

/// Fewer slots than a set has would be no table.
const ENTRIES_MIN: usize = 64;
/// Every limit that a request falls under is asked, so their number is its cost.
const LIMITS_MAX: usize = 256;
/// Beyond this a limit limits nothing, and arithmetic would.
const COUNT_MAX: u32 = 1_000_000;
/// A client that waits for longer has given up.
const DELAY_SECONDS_MAX: f64 = 60.0;
const DELAY_SECONDS: f64 = 5.0;

impl RateLimit {
    /// The limits of `spec`. `plugin` tells them from equally named ones of another plugin.
    pub fn compile(spec: &RateLimitSpec, plugin: &str, faults: &mut Faults) -> Option<Self> {
        faults.within("entries", |faults| entries(spec.entries, faults));
        let limits = faults.within("limits", |faults| {
            if spec.limits.is_empty() || spec.limits.len() > LIMITS_MAX {
                faults.add(format!("from 1 to {LIMITS_MAX} limits expected: {}", spec.limits.len()));
            }
            let mut limits = Vec::with_capacity(spec.limits.len());
            for (place, limit) in spec.limits.iter().enumerate() {
                let earlier = spec.limits.get(..place).unwrap_or_default();
                faults.within(format_args!("[{place}]"), |faults| {
                    if earlier.iter().any(|known| known.name == limit.name) {
                        faults.within("name", |faults| {
                            faults.add(format!("another limit has this name: {}", limit.name));
                        });
                    }
                    limits.extend(compile(limit, plugin, faults));
                });
            }
            limits
        });
        faults.is_empty().then(|| Self { limits, entries: spec.entries, text: Arc::from(TEXT) })
    }
}

/// The size of a table, of this rule or of another.
pub(crate) fn entries(entries: usize, faults: &mut Faults) {
    if !(ENTRIES_MIN..=ENTRIES_MAX).contains(&entries) {
        faults.add(format!("from {ENTRIES_MIN} to {ENTRIES_MAX} expected: {entries}"));
    }
}

fn compile(spec: &LimitSpec, plugin: &str, faults: &mut Faults) -> Option<Limit> {
    if spec.name.is_empty() {
        faults.within("name", |faults| faults.add("a name expected: logs and metrics call the limit by it"));
    }
    let operations = faults.within("operations", |faults| operations(spec.operations.as_ref(), faults));
    let key = faults.within("key", |faults| key(&spec.key, faults));
    let amount = amount(spec, faults);
    let exceeded = exceeded(spec, faults);
    let from = match &spec.from {
        Some(from) => Some(faults.within("from", |faults| Networks::compile(from, faults))?),
        None => None,
    };
    let (operations, key, amount, exceeded) = (operations?, key?, amount?, exceeded?);
    if operations == Operations::CONNECT {
        if key.identity {
            faults.within("key", |faults| faults.add("whoever connects has no identity yet, leave it out: identity"));
        }
        if !matches!(exceeded, Exceeded::Close) && spec.exceeded.is_some() {
            let text = "a connection can only be closed, leave it out or write close";
            faults.within("exceeded", |faults| faults.add(text));
        }
    }
    let salt = keys::salt(plugin, &spec.name);
    let name = spec.name.clone().into_boxed_str();
    Some(Limit { name, salt, operations, key, amount, exceeded, from, mode: spec.mode })
}

fn operations(names: Option<&OneOrMany<String>>, faults: &mut Faults) -> Option<Operations> {
    let known = || RequestKind::ALL.into_iter().filter_map(|kind| Some((word(kind), Operations::of(kind)?)));
    let Some(names) = names.map(OneOrMany::as_slice) else {
        return Some(known().fold(Operations(0), |all, (_, one)| Operations(all.0 | one.0)));
    };
    let (mut found, mut is_faulty) = (Operations(0), names.is_empty());
    if is_faulty {
        faults.add("at least one operation expected, or leave it out");
    }
    for (place, name) in names.iter().enumerate() {
        let connect = core::iter::once(("connect", Operations::CONNECT));
        if let Some((_, one)) = known().chain(connect).find(|(word, _)| word == name) {
            found.0 |= one.0;
            continue;
        }
        is_faulty = true;
        let words: Vec<_> = known().map(|(word, _)| word).collect();
        let text = format!("one of {}, connect expected: {name}", words.join(", "));
        faults.within(format_args!("[{place}]"), |faults| faults.add(text));
    }
    if found.has(Operations::CONNECT) && found != Operations::CONNECT {
        is_faulty = true;
        faults.add("connections are counted apart from requests: write a limit of its own for connect");
    }
    (!is_faulty).then_some(found)
}

fn key(words: &OneOrMany<String>, faults: &mut Faults) -> Option<KeyParts> {
    let words = words.as_slice();
    let (mut parts, mut is_faulty) = (KeyParts::default(), words.is_empty());
    if is_faulty {
        faults.add("client, network/N, identity, listener or global expected");
    }
    for (place, word) in words.iter().enumerate() {
        let fault = part(word, words.len(), &mut parts).err();
        is_faulty |= fault.is_some();
        faults.within(format_args!("[{place}]"), |faults| fault.into_iter().for_each(|text| faults.add(text)));
    }
    (!is_faulty).then_some(parts)
}

fn part(word: &str, words: usize, parts: &mut KeyParts) -> Result<(), String> {
    let origin = match word {
        "client" => Some(Prefix::ADDRESS),
        "identity" | "listener" => {
            let flag = if word == "identity" { &mut parts.identity } else { &mut parts.listener };
            return if core::mem::replace(flag, true) { Err(format!("written twice: {word}")) } else { Ok(()) };
        }
        "global" if words == 1 => return Ok(()),
        "global" => return Err("global stands alone: with another word it says nothing".to_owned()),
        _ => word.strip_prefix("network/").and_then(|bits| bits.parse().ok()).and_then(Prefix::new),
    };
    let Some(origin) = origin else {
        return Err(format!("client, network/N with N from 1 to 128, identity, listener or global expected: {word}"));
    };
    match parts.origin.replace(origin) {
        Some(_) => Err(format!("one of client and network/N expected, not both: {word}")),
        None => Ok(()),
    }
}

fn amount(spec: &LimitSpec, faults: &mut Faults) -> Option<Amount> {
    let count = |key: &str, count: u32, faults: &mut Faults| {
        if !(1..=COUNT_MAX).contains(&count) {
            faults.within(key, |faults| faults.add(format!("from 1 to {COUNT_MAX} expected: {count}")));
        }
    };
    spec.burst.into_iter().for_each(|burst| count("burst", burst, faults));
    spec.concurrent.into_iter().for_each(|concurrent| count("concurrent", concurrent, faults));
    match (&spec.rate, spec.concurrent) {
        (Some(text), None) => {
            let (count, per_seconds) = faults.within("rate", |faults| rate(text, faults))?;
            let second = count.checked_div(per_seconds).unwrap_or(1).max(1);
            Some(Amount::Rate(Quota::new(count, per_seconds, spec.burst.unwrap_or(second))))
        }
        (None, Some(concurrent)) => {
            if spec.burst.is_some() {
                faults.within("burst", |faults| faults.add("only a rate has a burst, leave it out"));
            }
            Some(Amount::Concurrent(concurrent))
        }
        (Some(_), Some(_)) => {
            faults.add("either rate or concurrent expected, not both: write two limits");
            None
        }
        (None, None) => {
            faults.add("rate or concurrent expected");
            None
        }
    }
}

fn rate(text: &str, faults: &mut Faults) -> Option<(u32, u32)> {
    let read = || {
        let (count, unit) = text.split_once('/')?;
        let per_seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            _ => return None,
        };
        let digits = count.bytes().all(|octet| octet.is_ascii_digit());
        let count = count.parse().ok().filter(|count| digits && (1..=COUNT_MAX).contains(count))?;
        Some((count, per_seconds))
    };
    let found = read();
    if found.is_none() {
        faults.add(format!("a number from 1 to {COUNT_MAX} and /s, /min or /h expected, as 20/s: {text}"));
    }
    found
}

fn exceeded(spec: &LimitSpec, faults: &mut Faults) -> Option<Exceeded> {
    let seconds_max = spec.delay_seconds.unwrap_or(DELAY_SECONDS);
    let exceeded = match spec.exceeded.as_deref() {
        None | Some("busy") => Exceeded::Busy,
        Some("close") => Exceeded::Close,
        Some("delay") => Exceeded::Delay { seconds_max },
        Some(other) => {
            faults.within("exceeded", |faults| faults.add(format!("busy, delay or close expected: {other}")));
            return None;
        }
    };
    let delays = matches!(exceeded, Exceeded::Delay { .. });
    if delays && spec.concurrent.is_some() {
        let text = "nobody knows for how long: write busy or close with concurrent";
        faults.within("exceeded", |faults| faults.add(text));
    }
    faults.within("delay_seconds", |faults| {
        if spec.delay_seconds.is_some() && !delays {
            faults.add("only with exceeded = \"delay\", leave it out");
        } else if !(seconds_max > 0.0 && seconds_max <= DELAY_SECONDS_MAX) {
            faults.add(format!("more than 0 and at most {DELAY_SECONDS_MAX} expected: {seconds_max}"));
        }
    });
    Some(exceeded)
}
