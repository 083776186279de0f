//! The rules as data: the keys of the configuration, with their words still unread.

use serde::Deserialize;

use crate::decision::Mode;
use crate::spec::OneOrMany;

/// The whole list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowListSpec {
    /// What happens where no rule matches.
    #[serde(default = "deny")]
    pub default: Effect,
    /// The result code of a refusal where no rule matches.
    #[serde(default)]
    pub code: Option<CodeSpec>,
    /// The diagnostic message of such a refusal.
    #[serde(default)]
    pub text: Option<String>,
    /// The rules; the first one whose every criterion holds decides.
    #[serde(default)]
    pub rules: Vec<RuleSpec>,
}

/// What a rule does with what it matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Lets it pass.
    Allow,
    /// Refuses it.
    #[default]
    Deny,
}

fn deny() -> Effect {
    Effect::Deny
}

fn allow() -> Effect {
    Effect::Allow
}

/// A result code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum CodeSpec {
    /// By number.
    Number(u32),
    /// By its name in the RFC, or the same words with underscores.
    Name(String),
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// What logs, metrics and explanations call it.
    pub name: String,
    /// What it does.
    #[serde(default = "allow")]
    pub effect: Effect,
    /// The result code of a refusal.
    #[serde(default)]
    pub code: Option<CodeSpec>,
    /// The diagnostic message of a refusal.
    #[serde(default)]
    pub text: Option<String>,
    /// Networks.
    #[serde(default)]
    pub from: Option<OneOrMany<String>>,
    /// Listeners, by name.
    #[serde(default)]
    pub listener: Option<OneOrMany<String>>,
    /// Whether TLS is on.
    #[serde(default)]
    pub tls: Option<bool>,
    /// What the client's certificate says.
    #[serde(default)]
    pub certificate: Option<OneOrMany<CertificateSpec>>,
    /// Who.
    #[serde(default)]
    pub identity: Option<OneOrMany<IdentitySpec>>,
    /// Which operations.
    #[serde(default)]
    pub operations: Option<OneOrMany<String>>,
    /// Of binds: by which mechanisms.
    #[serde(default)]
    pub mechanisms: Option<OneOrMany<String>>,
    /// The target is one of these entries or below.
    #[serde(default)]
    pub base: Option<OneOrMany<String>>,
    /// Of searches: how far below the base.
    #[serde(default)]
    pub scope: Option<OneOrMany<String>>,
    /// Of searches: the shape of the filter.
    #[serde(default)]
    pub filter: Option<OneOrMany<String>>,
    /// Of searches: which attributes the filter may test.
    #[serde(default)]
    pub filter_attributes: Option<OneOrMany<String>>,
    /// Which attributes may be asked for or touched.
    #[serde(default)]
    pub attributes: Option<OneOrMany<String>>,
    /// Of searches: whether one that asks for more is cut down.
    #[serde(default)]
    pub narrow: bool,
    /// Which controls may be there beside the harmless ones.
    #[serde(default)]
    pub controls: Option<OneOrMany<String>>,
    /// Which extended operations, beside the harmless ones.
    #[serde(default)]
    pub extended: Option<OneOrMany<String>>,
    /// Of searches: how many entries at most.
    #[serde(default)]
    pub size_limit: Option<u32>,
    /// Of searches: how many seconds at most.
    #[serde(default)]
    pub time_limit: Option<u32>,
    /// Whether the rule decides, or is only counted and told.
    #[serde(default)]
    pub mode: Mode,
    /// Of modifies: which kinds of change.
    #[serde(default)]
    pub changes: Option<OneOrMany<String>>,
    /// Of searches: whether aliases may be followed.
    #[serde(default)]
    pub aliases: bool,
}

/// What a rule may ask of a certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSpec {
    /// Its subject is this DN.
    Subject(String),
    /// Its subject is below this DN.
    Within(String),
    /// It has this subject alternative name.
    San(String),
}

/// Whom a rule is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum IdentitySpec {
    /// A DN, a UPN, `DOMAIN\user`, or one of the words `anonymous`, `authenticated` and `any`.
    Name(String),
    /// Many at once.
    Among(AmongSpec),
}

/// Identities that have something in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmongSpec {
    /// Every DN below this one.
    Within(String),
    /// Every UPN of this domain.
    UpnDomain(String),
}
