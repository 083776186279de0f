//! The families of what is counted: the one declaration of their names, labels and buckets, from which the arena's layout,
//! the exposition and the reference follow.

/// How values of a family add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows; each worker's part stays when the worker dies.
    Counter,
    /// What is at the moment, the sum of what each worker has.
    Sum,
    /// The greatest of the workers' values.
    Greatest,
    /// How many values were at most as large as each bound, and their sum.
    Histogram,
}

impl Kind {
    /// The type of exposition formats.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Sum | Self::Greatest => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// Whether it says what is at the moment, so that a worker's part is forgotten with it.
    pub const fn is_gauge(self) -> bool {
        matches!(self, Self::Sum | Self::Greatest)
    }
}

/// A family of metrics.
#[derive(Debug)]
pub struct Family {
    /// The name, with its prefix and unit.
    pub name: &'static str,
    /// How its values add up.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
    /// The upper bounds of a histogram's buckets, seconds; the last bucket has none.
    pub bounds: &'static [f64],
}

/// From what a server in the same room answers, to what makes people give up.
const OPERATION_BOUNDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From what forwarding takes, to what a delay by a limit or a slow hook does.
const OWN_BOUNDS: &[f64] =
    &[0.00001, 0.000_025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0];

macro_rules! families {
    ($($name:ident: $kind:ident [$($label:literal),*] $bounds:expr, $text:literal, $help:literal;)+) => {
        /// A family by what the code calls it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Id { $(#[doc = $help] $name,)+ }

        impl Id {
            /// Every one, in the order of [`FAMILIES`].
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }

        /// Every family, in the order of [`Id`].
        pub const FAMILIES: &[Family] = &[$(Family {
            name: concat!("ostiary_", $text),
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
            bounds: $bounds,
        },)+];
    };
}

families! {
    ConnectionsTotal: Counter ["listener", "tls"] &[], "connections_total",
        "Connections that clients made; tls is the listener's mode: ldaps, starttls or none.";
    Connections: Sum ["listener"] &[], "connections", "Clients that are connected.";
    TlsHandshakes: Counter ["listener", "version", "result"] &[], "tls_handshakes_total",
        "TLS handshakes with clients; version is 1.2 or 1.3, result success or failure. A failed one has agreed on no \
         version: none.";
    Operations: Counter ["listener", "upstream", "operation", "result"] &[], "operations_total",
        "Operations that ended. operation is as in a rule; result is the name of the result code in RFC 4511, \
         abandoned where the client did not want it any more, none where there is none (unbind), unknown for a code \
         without a name.";
    OperationSeconds: Histogram ["upstream", "operation"] OPERATION_BOUNDS, "operation_duration_seconds",
        "From a request's arrival to its last response, where the server answered.";
    OverheadSeconds: Histogram ["operation"] OWN_BOUNDS, "overhead_seconds",
        "The gateway's own share of an operation: everything but the time between passing the request on and its last \
         response's coming. Delays by a rate limit and the answers of hooks are part of it.";
    Refusals: Counter ["plugin", "rule", "mode"] &[], "refusals_total",
        "Decisions of plugins other than to let pass; mode is monitor for those that were not applied, and enforce \
         else.";
    BindFailures: Counter ["listener"] &[], "bind_failures_total", "Binds that did not succeed, whoever refused them.";
    PlaintextBinds: Counter ["listener"] &[], "plaintext_binds_total",
        "Binds with a password outside TLS, refused ones included: the password was on the network.";
    Violations: Counter ["peer", "kind"] &[], "violations_total", "What clients and servers did against the protocol.";
    Bytes: Counter ["side", "direction"] &[], "bytes_total",
        "Octets on the sockets, TLS included; side is client or upstream, direction is the gateway's: received or \
         sent.";
    Entries: Counter ["upstream"] &[], "entries_total", "Entries in search results.";
    UpstreamConnections: Sum ["upstream", "server", "state"] &[], "upstream_connections",
        "Connections to the server; state is dialling or ready.";
    PluginSeconds: Histogram ["plugin"] OWN_BOUNDS, "plugin_duration_seconds",
        "From the question to a plugin's hook to its answer. Rules are part of the overhead.";
    PluginErrors: Counter ["plugin"] &[], "plugin_errors_total",
        "Hooks that raised, took too long or gave no verdict; each of them refused.";
    ConfigReloads: Counter ["result"] &[], "config_reloads_total",
        "Times that the configuration was read again; result is success or failure.";
    WorkerRestarts: Counter [] &[], "worker_restarts_total", "Workers that ended by themselves and were replaced.";
    LoopLag: Greatest [] &[], "event_loop_lag_seconds",
        "How late the event loop was when it last looked, in the worst of the workers.";
    AuditRecords: Counter [] &[], "audit_records_total", "Audit records handed to their output.";
    AuditLost: Counter [] &[], "audit_records_lost_total",
        "Audit records that were lost: the output did not take them in time.";
}

impl Id {
    /// The declaration.
    pub fn family(self) -> Option<&'static Family> {
        FAMILIES.get(self as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_their_kind() {
        for family in FAMILIES {
            assert_eq!(family.name.ends_with("_total"), family.kind == Kind::Counter, "{}", family.name);
            assert_eq!(family.bounds.is_empty(), family.kind != Kind::Histogram, "{}", family.name);
            assert!(family.bounds.is_sorted(), "{}", family.name);
            assert!(family.help.ends_with('.'), "{}", family.name);
        }
        assert_eq!(Id::AuditLost.family().unwrap().name, "ostiary_audit_records_lost_total");
    }
}
