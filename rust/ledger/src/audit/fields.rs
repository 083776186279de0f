//! The one table of fields: what each is called in every format, and what it says.
//!
//! It does not know how values are written.

use super::spec::Format;

/// What kind of value a field has in JSON and in ECS; in CEF everything is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// RFC 3339, in UTC, with milliseconds.
    Time,
    /// A text.
    Text,
    /// Several texts; in CEF with commas between them.
    Texts,
    /// A number without a fraction.
    Integer,
    /// A number, which may have a fraction.
    Number,
    /// Nothing but true.
    True,
}

impl ValueKind {
    /// What the reference calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Text => "text",
            Self::Texts => "texts",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::True => "true",
        }
    }
}

/// A field of a record.
#[derive(Debug)]
pub struct AuditField {
    /// The key in our own JSON; empty where it has no such field.
    pub json: &'static str,
    /// The key in the Elastic Common Schema; empty likewise.
    pub ecs: &'static str,
    /// The key in the Common Event Format; empty likewise.
    pub cef: &'static str,
    /// What CEF's custom keys need beside them to say what they are.
    cef_label: &'static str,
    /// What kind of value it has.
    pub kind: ValueKind,
    /// Which records have it.
    pub when: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

/// Declares the fields and their table, in the order in which a record has them.
macro_rules! fields {
    ($($field:ident => $json:literal, $ecs:literal, $cef:literal $([$label:literal])?, $kind:ident, $when:literal, $meaning:literal;)+) => {
        /// The fields, by what they are.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Field { $($field,)+ }

        /// Every field, in the order in which records have them: the one declaration, from which the keys of all
        /// formats and the reference follow.
        pub const AUDIT_FIELDS: &[AuditField] = &[$(AuditField {
            json: $json,
            ecs: $ecs,
            cef: $cef,
            cef_label: concat!($($label)?),
            kind: ValueKind::$kind,
            when: $when,
            meaning: $meaning,
        },)+];
    };
}

fields! {
    Time => "time", "@timestamp", "rt", Time, "always", "when it ended; in cef milliseconds since 1970";
    Event => "event", "event.action", "cat", Text, "always",
        "operation, connection_opened, connection_refused or connection_closed; in ecs an operation's own name";
    EcsVersion => "", "ecs.version", "", Text, "always",
        "the version of the Elastic Common Schema whose names these are";
    EventKind => "", "event.kind", "", Text, "always", "event";
    EventCategory => "", "event.category", "", Texts, "always",
        "authentication for binds and unbinds, database for other operations, network for connections";
    EventType => "", "event.type", "", Texts, "always",
        "what kind of event of its category: start, access, change, info, connection, denied or end";
    Product => "", "observer.product", "", Text, "always", "ostiary; cef has it in its header";
    ObserverType => "", "observer.type", "", Text, "always", "proxy";
    Protocol => "", "network.protocol", "", Text, "always", "ldap";
    Connection => "connection", "ldap.connection", "cn1" ["connection"], Integer, "always",
        "the number of the client's connection, the same in all of its records";
    Client => "client", "source.ip", "src", Text, "not on a unix socket",
        "the client's address, after PROXY protocol";
    Port => "port", "source.port", "spt", Integer, "not on a unix socket", "the client's port";
    Listener => "listener", "ldap.listener", "ldapListener", Text, "always", "the listener it came by";
    Upstream => "upstream", "ldap.upstream", "ldapUpstream", Text, "always", "the upstream that the listener leads to";
    TlsVersion => "tls_version", "tls.version", "ldapTlsVersion", Text, "inside TLS", "the version of the client's TLS";
    TlsCipher => "tls_cipher", "tls.cipher", "ldapTlsCipher", Text, "inside TLS", "its cipher suite";
    Certificate => "certificate", "tls.client.subject", "ldapCertificate", Text,
        "the client proved to have a certificate", "the certificate's subject";
    Identity => "identity", "user.name", "suser", Text, "unless anonymous",
        "who the client has proved to be; after a bind that succeeded, who it is from then on";
    Operation => "operation", "event.action", "act", Text, "operations",
        "bind, search, compare, add, modify, delete, modify_dn, extended, unbind or abandon";
    IdentityAsked => "identity_asked", "user.target.name", "duser", Text, "binds with a name",
        "that name, whether it was proved or not";
    Mechanism => "mechanism", "ldap.mechanism", "ldapMechanism", Text, "binds",
        "how it authenticates: simple, sicily, or the name of a SASL mechanism";
    Base => "base", "ldap.base", "ldapBase", Text,
        "searches, compares, adds, modifies, deletes, modify_dns, changes of somebody's password",
        "the DN that the operation is about; of a search, where it starts";
    Scope => "scope", "ldap.scope", "ldapScope", Text, "searches", "base, one, sub or children";
    Filter => "filter", "ldap.filter", "ldapFilter", Text, "searches, compares",
        "what is tested, with ? for values; with filter_values all but those of secret attributes";
    Attributes => "attributes", "ldap.attributes", "ldapAttributes", Texts,
        "searches that name any, compares, adds, modifies",
        "the attributes asked for, compared, added or changed, as they were spelt; a search without any asks for all";
    Changes => "changes", "ldap.changes", "ldapChanges", Texts, "modifies",
        "what it does, in its order: replace:mail";
    NewDn => "new_dn", "ldap.new_dn", "ldapNewDn", Text, "modify_dns",
        "what the entry is renamed to: the new RDN, and the new parent if it moves";
    Extended => "extended", "ldap.extended", "ldapExtended", Text, "extended operations",
        "the object identifier, and its name if it is known";
    Controls => "controls", "ldap.controls", "ldapControls", Texts, "operations with controls",
        "the controls' object identifiers";
    Message => "message", "ldap.message", "cn2" ["message"], Integer, "operations",
        "the client's number for the request";
    Code => "code", "ldap.code", "ldapCode", Integer, "operations that were answered", "the number of the result code";
    Result => "result", "ldap.result", "ldapResult", Text, "operations that were answered",
        "its name in the RFC, unknown where it has none";
    Outcome => "", "event.outcome", "outcome", Text, "always",
        "success, failure or unknown, by the result code; in json the code says it";
    Entries => "entries", "ldap.entries", "cn3" ["entries"], Integer, "searches", "how many entries it gave";
    Bytes => "bytes", "server.bytes", "in", Integer, "operations, connections closed",
        "how many octets of LDAP went to the client";
    Seconds => "seconds", "event.duration", "cfp1" ["seconds"], Number, "operations, connections closed",
        "how long it took; in ecs nanoseconds";
    Server => "server", "server.address", "dhost", Text, "operations that were sent on", "the server that was asked";
    Plugin => "plugin", "rule.ruleset", "ldapPlugin", Text,
        "operations that a plugin decided, connections that one refused",
        "the plugin";
    Rule => "rule", "rule.name", "ldapRule", Text, "operations that a plugin decided, connections that one refused",
        "its rule; default where no rule was about it, hook where a hook decided";
    Verdict => "verdict", "ldap.verdict", "ldapVerdict", Text,
        "operations that a plugin decided, connections that one refused",
        "what was decided: allowed, refused, delayed, closed, or hidden where something of the answer was";
    Mode => "mode", "ldap.mode", "ldapMode", Text, "operations that a plugin decided, connections that one refused",
        "enforce: the decision was applied; monitor: it would have been";
    Reason => "reason", "event.reason", "reason", Text, "connections refused or closed", "why";
    Truncated => "truncated", "ldap.truncated", "ldapTruncated", True, "something was too long",
        "it is cut, with ... at its end";
}

/// The octets before the values of all fields, in one format.
pub(super) struct Keys {
    bare: [Box<[u8]>; AUDIT_FIELDS.len()],
    /// With the quote that begins a text.
    quoted: [Box<[u8]>; AUDIT_FIELDS.len()],
}

/// What stands around a text.
pub(super) fn quote(format: Format) -> &'static str {
    if format == Format::Cef { "" } else { "\"" }
}

impl Keys {
    pub(super) fn new(format: Format) -> Self {
        let key = |names: &AuditField| match format {
            Format::Json => format!(",\"{}\":", names.json),
            Format::Ecs => format!(",\"{}\":", names.ecs),
            Format::Cef if names.cef_label.is_empty() => format!(" {}=", names.cef),
            Format::Cef => format!(" {}Label={} {}=", names.cef, names.cef_label, names.cef),
        };
        let all = |quote: &str| {
            let mut fields = AUDIT_FIELDS.iter().map(|names| (key(names) + quote).into_bytes());
            core::array::from_fn(|_| fields.next().unwrap_or_default().into())
        };
        Self { bare: all(""), quoted: all(quote(format)) }
    }

    /// The octets before the value of a field.
    #[inline]
    pub(super) fn of(&self, field: Field) -> &[u8] {
        self.bare.get(field as usize).map(AsRef::as_ref).unwrap_or_default()
    }

    /// The octets before the text of a field.
    #[inline]
    pub(super) fn of_text(&self, field: Field) -> &[u8] {
        self.quoted.get(field as usize).map(AsRef::as_ref).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_in_each_format_but_for_the_action() {
        for key in [|names: &AuditField| names.json, |names: &AuditField| names.ecs, |names: &AuditField| names.cef] {
            let mut keys: Vec<_> = AUDIT_FIELDS.iter().map(key).filter(|key| !key.is_empty()).collect();
            keys.sort_unstable();
            let length = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), length - usize::from(keys.contains(&"event.action")));
        }
    }

    #[test]
    fn every_field_says_what_it_is() {
        for field in AUDIT_FIELDS {
            assert!(!field.ecs.is_empty(), "{field:?}");
            assert!(!field.when.is_empty() && !field.meaning.is_empty(), "{field:?}");
        }
    }

    #[test]
    fn keys_have_what_stands_before_the_value() {
        assert_eq!(Keys::new(Format::Json).of(Field::Time), b",\"time\":");
        assert_eq!(Keys::new(Format::Ecs).of(Field::Truncated), b",\"ldap.truncated\":");
        assert_eq!(Keys::new(Format::Cef).of(Field::Message), b" cn2Label=message cn2=");
        assert_eq!(Keys::new(Format::Json).of_text(Field::Base), b",\"base\":\"");
        assert_eq!(Keys::new(Format::Cef).of_text(Field::Base), Keys::new(Format::Cef).of(Field::Base));
    }
}
