//! Limits as data.

use serde::Deserialize;

use crate::decision::Mode;
use crate::spec::OneOrMany;

/// How often, and how much at a time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSpec {
    /// The limits; a request is asked about by all that it falls under.
    pub limits: Vec<LimitSpec>,
    /// How many keys are remembered at a time.
    #[serde(default = "entries")]
    pub entries: usize,
}

/// One limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    /// What logs and metrics call it.
    pub name: String,
    /// Names of operations, or `connect`; all but that where there are none.
    #[serde(default)]
    pub operations: Option<OneOrMany<String>>,
    /// What has a bucket of its own: `client`, `network/N`, `identity`, `listener`, `global`.
    pub key: OneOrMany<String>,
    /// So many in a time, as `20/s`, `100/min`, `1000/h`.
    #[serde(default)]
    pub rate: Option<String>,
    /// So many at once; one second's worth where it is not said.
    #[serde(default)]
    pub burst: Option<u32>,
    /// Instead of a rate: so many at the same time.
    #[serde(default)]
    pub concurrent: Option<u32>,
    /// What happens beyond: `busy`, `delay` or `close`.
    #[serde(default)]
    pub exceeded: Option<String>,
    /// The longest delay.
    #[serde(default)]
    pub delay_seconds: Option<f64>,
    /// Networks that it applies to; everybody where there are none.
    #[serde(default)]
    pub from: Option<OneOrMany<String>>,
    /// Whether it is applied.
    #[serde(default)]
    pub mode: Mode,
}

fn entries() -> usize {
    65_536
}
