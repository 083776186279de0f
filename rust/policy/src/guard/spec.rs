//! How guesses are bounded, as data.

use serde::Deserialize;

use crate::decision::Mode;
use crate::spec::OneOrMany;

/// The bounds; what is left out has the value that fits most directories.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BindGuardSpec {
    /// Failures of one client on one identity until a lockout; 0: none.
    pub failures: u32,
    /// Failures of one client on any identities; 0: none.
    pub client_failures: u32,
    /// Failures on one identity from anywhere; 0: none, because with it a stranger can lock a user out.
    pub identity_failures: u32,
    /// The time in which so many failures must come.
    pub window_seconds: f64,
    /// The first lockout; each further failure doubles it.
    pub lockout_seconds: f64,
    /// The longest lockout.
    pub lockout_seconds_max: f64,
    /// How long a wrong password is remembered; 0: not at all. A service that loops with an old one reaches the
    /// directory once in this time, so this time should be longer than the directory's own window for failures
    /// divided by its threshold. Whoever is refused for another reason than the password waits as long.
    pub negative_cache_seconds: f64,
    /// How many keys are remembered at a time.
    pub entries: usize,
    /// Networks whose clients are not guarded.
    pub exempt: Option<OneOrMany<String>>,
    /// Whether it is applied.
    pub mode: Mode,
}

impl Default for BindGuardSpec {
    fn default() -> Self {
        Self {
            failures: 5,
            // A login page is one client with many identities, and people mistype.
            client_failures: 50,
            identity_failures: 0,
            window_seconds: 300.0,
            // Short enough for a person who mistyped, and a minute after four more failures.
            lockout_seconds: 5.0,
            lockout_seconds_max: 900.0,
            negative_cache_seconds: 300.0,
            entries: 65_536,
            exempt: None,
            mode: Mode::Enforce,
        }
    }
}
