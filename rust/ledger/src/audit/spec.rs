//! The audit as data: what the configuration says of it, checked there and carried here as JSON.

use serde::Deserialize;

/// What is recorded, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditSpec {
    /// How a record looks.
    pub format: Format,
    /// Whether filters and compares show the values that are asked for.
    #[serde(default)]
    pub filter_values: bool,
    /// Attributes whose values are never shown, beside those that everybody keeps secret.
    #[serde(default)]
    pub secret_attributes: Vec<String>,
    /// Which share of the reads that succeeded is recorded.
    #[serde(default)]
    pub sampling: SamplingSpec,
    /// How many octets wait at most to be taken away.
    pub buffer_bytes: usize,
    /// What a record is wrapped in for syslog; a line of its own if nothing is.
    #[serde(default)]
    pub syslog: Option<SyslogSpec>,
}

/// How a record looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object with our own words.
    Json,
    /// One JSON object with the names of the Elastic Common Schema.
    Ecs,
    /// `ArcSight`'s Common Event Format.
    Cef,
}

/// Shares between 0 and 1.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SamplingSpec {
    /// Of searches.
    pub search: f64,
    /// Of compares.
    pub compare: f64,
}

impl Default for SamplingSpec {
    fn default() -> Self {
        Self { search: 1.0, compare: 1.0 }
    }
}

/// What RFC 5424 wants to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogSpec {
    /// The facility's number, 0 to 23.
    pub facility: u8,
    /// The name of this host.
    pub hostname: String,
    /// Whether each record has its length before it (RFC 6587 section 3.4.1); a line of its own if not.
    pub framed: bool,
}
