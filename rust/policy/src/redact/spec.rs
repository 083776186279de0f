//! `redact` as data: the keys of the configuration.

use serde::Deserialize;

use crate::decision::Mode;
use crate::rules::IdentitySpec;
use crate::spec::OneOrMany;

/// What is hidden from whom.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactSpec {
    /// The rules; every one that applies to a client is kept, whatever its place.
    #[serde(default)]
    pub rules: Vec<RedactRuleSpec>,
    /// What becomes of continuation references and referrals.
    #[serde(default)]
    pub referrals: HostNames,
    /// What becomes of the host names in the root DSE.
    #[serde(default)]
    pub root_dse: HostNames,
    /// What stands in the place of a server's name where it is rewritten: `ldaps://ldap.example.org`.
    #[serde(default)]
    pub referral_url: Option<String>,
}

/// What becomes of the names of upstream hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostNames {
    /// They are shown.
    #[default]
    Pass,
    /// They are left out, with what carries them.
    Strip,
    /// `referral_url` takes their place.
    Rewrite,
}

/// What one rule hides, and from whom.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactRuleSpec {
    /// What logs, metrics and `explain` call it.
    pub name: String,
    /// Networks and addresses that it applies to; all if it does not ask.
    #[serde(default)]
    pub from: Option<OneOrMany<String>>,
    /// Listeners that it applies to.
    #[serde(default)]
    pub listener: Option<OneOrMany<String>>,
    /// Identities that it applies to.
    #[serde(default)]
    pub identity: Option<OneOrMany<IdentitySpec>>,
    /// Whom of those it does not apply to.
    #[serde(default)]
    pub unless: Option<UnlessSpec>,
    /// The attributes that are hidden, by their types.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// The DNs that are hidden, with all entries below them.
    #[serde(default)]
    pub hide: Option<OneOrMany<String>>,
    /// Whether anything is hidden, or only told what would be.
    #[serde(default)]
    pub mode: Mode,
}

/// Whom a rule does not apply to: clients for which every key holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlessSpec {
    /// Networks and addresses.
    #[serde(default)]
    pub from: Option<OneOrMany<String>>,
    /// Listeners.
    #[serde(default)]
    pub listener: Option<OneOrMany<String>>,
    /// Identities.
    #[serde(default)]
    pub identity: Option<OneOrMany<IdentitySpec>>,
}
