//! The one table of fields: what each is called in every format, and what it says.
//!
//! It does not know how values are written.

use super::spec::Format;

/// A field of a record.
struct FieldNames {
    /// The key in our own JSON; empty where it has no such field.
    json: &'static str,
    /// The key in the Elastic Common Schema; empty likewise.
    ecs: &'static str,
    /// The key in the Common Event Format; empty likewise.
    cef: &'static str,
    /// What CEF's custom keys need beside them to say what they are.
    cef_label: &'static str,
    /// What it says.
    meaning: &'static str,
}

/// Every field, in the order in which records have them: its key in JSON, in ECS and in CEF, empty where a format does
/// not have it, and what it says.
pub fn audit_fields() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    FIELDS.iter().map(|names| (names.json, names.ecs, names.cef, names.meaning))
}

/// Declares the fields and their table, in the order in which a record has them.
macro_rules! fields {
    ($($field:ident => $json:literal, $ecs:literal, $cef:literal $([$label:literal])?, $meaning:literal;)+) => {
        /// The fields, by what they are.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Field { $($field,)+ }

        /// Every one of them.
        const FIELDS: &[FieldNames] = &[$(FieldNames {
            json: $json,
            ecs: $ecs,
            cef: $cef,
            cef_label: concat!($($label)?),
            meaning: $meaning,
        },)+];
    };
}

fields! {
    Time => "time", "@timestamp", "rt",
        "when it ended: RFC 3339 in UTC with milliseconds; in cef milliseconds since 1970";
    Event => "event", "event.action", "cat",
        "operation, connection_opened, connection_refused or connection_closed; in ecs an operation's own name";
    EcsVersion => "", "ecs.version", "", "the version of the Elastic Common Schema whose names these are";
    EventKind => "", "event.kind", "", "always event";
    EventCategory => "", "event.category", "",
        "authentication for binds, database for other operations, network for connections";
    EventType => "", "event.type", "",
        "what kind of event of its category: start, access, change, info, connection, denied or end";
    Product => "", "observer.product", "", "always ostiary; cef has it in its header";
    ObserverType => "", "observer.type", "", "always proxy";
    Protocol => "", "network.protocol", "", "always ldap";
    Connection => "connection", "ldap.connection", "cn1" ["connection"],
        "the number of the client's connection, the same in all of its records";
    Client => "client", "source.ip", "src", "the client's address, after PROXY protocol; none on a unix socket";
    Port => "port", "source.port", "spt", "the client's port";
    Listener => "listener", "ldap.listener", "ldapListener", "the listener it came by";
    Upstream => "upstream", "ldap.upstream", "ldapUpstream", "the upstream that the listener leads to";
    TlsVersion => "tls_version", "tls.version", "ldapTlsVersion", "the version of the client's TLS; none without TLS";
    TlsCipher => "tls_cipher", "tls.cipher", "ldapTlsCipher", "its cipher suite";
    Certificate => "certificate", "tls.client.subject", "ldapCertificate",
        "the subject of the client's certificate, if it proved to have one";
    Identity => "identity", "user.name", "suser",
        "who the client has proved to be, after a bind that succeeded who it is from then on; none if anonymous";
    Operation => "operation", "event.action", "act",
        "bind, search, compare, add, modify, delete, modify_dn, extended, unbind or abandon";
    IdentityAsked => "identity_asked", "user.target.name", "duser",
        "the name in a bind, whether it was proved or not; none where it is empty";
    Mechanism => "mechanism", "ldap.mechanism", "ldapMechanism",
        "how a bind authenticates: simple, sicily, or the name of a SASL mechanism";
    Base => "base", "ldap.base", "ldapBase", "the DN that the operation is about; of a search, where it starts";
    Scope => "scope", "ldap.scope", "ldapScope", "of a search: base, one, sub or children";
    Filter => "filter", "ldap.filter", "ldapFilter",
        "what a search or compare tests, with ? for values; with filter_values all but those of secret attributes";
    Attributes => "attributes", "ldap.attributes", "ldapAttributes",
        "the attributes asked for, compared, added or changed, as they were spelt; a search without any asks for all";
    Changes => "changes", "ldap.changes", "ldapChanges", "what a modify does, in its order: replace:mail";
    NewDn => "new_dn", "ldap.new_dn", "ldapNewDn",
        "what a modify_dn renames the entry to: the new RDN, and the new parent if it moves";
    Extended => "extended", "ldap.extended", "ldapExtended",
        "the object identifier of an extended operation, and its name if it is known";
    Controls => "controls", "ldap.controls", "ldapControls", "the object identifiers of the request's controls";
    Message => "message", "ldap.message", "cn2" ["message"], "the client's number for the request";
    Code => "code", "ldap.code", "ldapCode", "the number of the result code; none where no answer came";
    Result => "result", "ldap.result", "ldapResult", "its name in the RFC, unknown where it has none";
    Outcome => "", "event.outcome", "outcome",
        "success, failure or unknown, by the result code; in json the code says it";
    Entries => "entries", "ldap.entries", "cn3" ["entries"], "how many entries a search gave";
    Bytes => "bytes", "server.bytes", "in", "how many octets of LDAP went to the client";
    Seconds => "seconds", "event.duration", "cfp1" ["seconds"], "how long it took, in seconds; in ecs nanoseconds";
    Server => "server", "server.address", "dhost", "the server that was asked; none where the gateway answered";
    Plugin => "plugin", "rule.ruleset", "ldapPlugin", "the plugin that decided, where one did";
    Rule => "rule", "rule.name", "ldapRule", "its rule";
    Verdict => "verdict", "ldap.verdict", "ldapVerdict",
        "what was decided: allowed, refused, delayed, closed, or hidden where something of the answer was";
    Mode => "mode", "ldap.mode", "ldapMode", "enforce: the decision was applied; monitor: it would have been";
    Reason => "reason", "event.reason", "reason", "why a connection was refused or closed";
    Truncated => "truncated", "ldap.truncated", "ldapTruncated",
        "true where something was too long and is cut, with ... at its end; left out otherwise";
}

/// The octets before the values of all fields, in one format.
pub(super) struct Keys([Box<[u8]>; FIELDS.len()]);

impl Keys {
    pub(super) fn new(format: Format) -> Self {
        let key = |names: &FieldNames| match format {
            Format::Json => format!(",\"{}\":", names.json),
            Format::Ecs => format!(",\"{}\":", names.ecs),
            Format::Cef if names.cef_label.is_empty() => format!(" {}=", names.cef),
            Format::Cef => format!(" {}Label={} {}=", names.cef, names.cef_label, names.cef),
        };
        let mut fields = FIELDS.iter();
        Self(core::array::from_fn(|_| fields.next().map(key).unwrap_or_default().into_bytes().into()))
    }

    /// The octets before the value of a field.
    #[inline]
    pub(super) fn of(&self, field: Field) -> &[u8] {
        self.0.get(field as usize).map(AsRef::as_ref).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_in_each_format_but_for_the_action() {
        for key in [|names: &FieldNames| names.json, |names: &FieldNames| names.ecs, |names: &FieldNames| names.cef] {
            let mut keys: Vec<_> = FIELDS.iter().map(key).filter(|key| !key.is_empty()).collect();
            keys.sort_unstable();
            let length = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), length - usize::from(keys.contains(&"event.action")));
        }
    }

    #[test]
    fn keys_have_what_stands_before_the_value() {
        assert_eq!(Keys::new(Format::Json).of(Field::Time), b",\"time\":");
        assert_eq!(Keys::new(Format::Ecs).of(Field::Truncated), b",\"ldap.truncated\":");
        assert_eq!(Keys::new(Format::Cef).of(Field::Message), b" cn2Label=message cn2=");
    }
}
