//! From the bounds as data to a guard that can be asked; every fault is told.

use ostiary_arena::Lockout;

use super::{BindGuard, BindGuardSpec};
use crate::fault::Faults;
use crate::rate::networks::Networks;
use crate::rate::{entries, keys};

/// Longer than this is for the directory to decide, not for a door.
const SECONDS_MAX: f64 = 86_400.0;
/// More failures than that are no guess that a lockout stops.
const FAILURES_MAX: u32 = 10_000;

impl BindGuard {
    /// The guard of `spec`. `plugin` tells what it knows from what the guard of another plugin does.
    pub fn compile(spec: &BindGuardSpec, plugin: &str, faults: &mut Faults) -> Option<Self> {
        let counts = [
            ("failures", spec.failures),
            ("client_failures", spec.client_failures),
            ("identity_failures", spec.identity_failures),
        ];
        for (key, count) in counts {
            if count > FAILURES_MAX {
                faults.within(key, |faults| faults.add(format!("at most {FAILURES_MAX} expected: {count}")));
            }
        }
        let times = [
            ("window_seconds", spec.window_seconds, 1.0),
            ("lockout_seconds", spec.lockout_seconds, 0.1),
            ("lockout_seconds_max", spec.lockout_seconds_max, 0.1),
            ("negative_cache_seconds", spec.negative_cache_seconds, 0.0),
        ];
        for (key, seconds, least) in times {
            if !(least..=SECONDS_MAX).contains(&seconds) {
                faults.within(key, |faults| faults.add(format!("from {least} to {SECONDS_MAX} expected: {seconds}")));
            }
        }
        if spec.lockout_seconds > spec.lockout_seconds_max {
            let text = format!("not less than lockout_seconds expected: {}", spec.lockout_seconds_max);
            faults.within("lockout_seconds_max", |faults| faults.add(text));
        }
        let guards_nothing = counts.iter().all(|(_, count)| *count == 0) && spec.negative_cache_seconds <= 0.0;
        if guards_nothing {
            faults.add("nothing is guarded: leave the plugin out, or one of failures, negative_cache_seconds above 0");
        }
        faults.within("entries", |faults| entries(spec.entries, faults));
        let exempt =
            spec.exempt.as_ref().map(|exempt| faults.within("exempt", |faults| Networks::compile(exempt, faults)));
        let lockout = |count: u32| {
            let new = || Lockout::new(count, spec.window_seconds, spec.lockout_seconds, spec.lockout_seconds_max);
            (count > 0).then(new)
        };
        faults.is_empty().then(|| Self {
            salt: keys::salt(plugin, "bind_guard"),
            pair: lockout(spec.failures),
            client: lockout(spec.client_failures),
            identity: lockout(spec.identity_failures),
            in_flight_max: spec.failures,
            trust_seconds: spec.window_seconds,
            negative_cache_seconds: spec.negative_cache_seconds,
            entries: spec.entries,
            exempt: exempt.flatten(),
            mode: spec.mode,
        })
    }
}
