//! Whom a rule applies to, where doubt must hide more and never less.
//!
//! A rule that allows may say no in doubt; one that hides must not. One person can bind by a DN, by a UPN, by
//! `DOMAIN\user`, or by SASL, where only the server knows the name: whether a name of another form than the rule's is
//! the one meant cannot be told. Here that is unreadable, and it is the caller who leans the safe way: a rule applies
//! unless the answer is no, an exception holds only if it is yes.

use ipnet::IpNet;

use crate::facts::ClientFacts;
use crate::fault::Faults;
use crate::rules::IdentitySpec;
use crate::rules::identity::Identity;
use crate::rules::truth::{Key, Truth};
use crate::rules::{each, network};
use crate::spec::OneOrMany;
use crate::who::Who;

/// The clients that a rule or its exception means; what is none is not asked about.
#[derive(Debug, Default)]
pub(super) struct Clients {
    from: Option<Vec<IpNet>>,
    listener: Option<Vec<Box<str>>>,
    identity: Option<Vec<Identity>>,
}

impl Clients {
    pub(super) fn compile(
        from: Option<&OneOrMany<String>>,
        listener: Option<&OneOrMany<String>>,
        identity: Option<&OneOrMany<IdentitySpec>>,
        faults: &mut Faults,
    ) -> Self {
        Self {
            from: each("from", from, faults, |text, faults| network(text, faults)),
            listener: each("listener", listener, faults, |name, _| Some(name.as_str().into())),
            identity: each("identity", identity, faults, Identity::compile),
        }
    }

    /// Whether it asks about nothing.
    pub(super) fn is_everybody(&self) -> bool {
        self.from.is_none() && self.listener.is_none() && self.identity.is_none()
    }

    /// Whether this client is meant.
    pub(super) fn include(&self, client: &ClientFacts, who: &Who) -> Truth {
        self.ask(client, who).map(|(_, truth)| truth).min().unwrap_or(Truth::No)
    }

    /// The first key by which this client is surely not meant, if there is one.
    pub(super) fn excluded_by(&self, client: &ClientFacts, who: &Who) -> Option<&'static str> {
        self.ask(client, who).find(|(_, truth)| *truth == Truth::No).map(|(key, _)| key)
    }

    fn ask<'s>(&'s self, client: &'s ClientFacts, who: &'s Who) -> impl Iterator<Item = (&'static str, Truth)> + 's {
        // From cheap to dear; the names last.
        [Key::From, Key::Listener, Key::Identity].into_iter().map(|key| (key.as_str(), self.ask_for(key, client, who)))
    }

    fn ask_for(&self, key: Key, client: &ClientFacts, who: &Who) -> Truth {
        match key {
            Key::From => self.from.as_ref().map_or(Truth::Yes, |networks| {
                client.address.is_some_and(|address| networks.iter().any(|network| network.contains(&address))).into()
            }),
            Key::Listener => self
                .listener
                .as_ref()
                .map_or(Truth::Yes, |listeners| listeners.iter().any(|name| **name == *client.listener).into()),
            _ => self.identity.as_ref().map_or(Truth::Yes, |identities| {
                identities.iter().map(|identity| holds(identity, who)).max().unwrap_or(Truth::No)
            }),
        }
    }
}

/// Whether `who` is meant, where names of different forms may be one person's.
fn holds(identity: &Identity, who: &Who) -> Truth {
    match identity.holds(who) {
        Truth::No if are_of_different_forms(identity, who) => Truth::Unreadable,
        truth => truth,
    }
}

fn are_of_different_forms(identity: &Identity, who: &Who) -> bool {
    !matches!(
        (identity, who),
        (Identity::Any | Identity::Authenticated | Identity::Anonymous, _)
            | (_, Who::Anonymous)
            | (Identity::Exact(Who::Dn(_)) | Identity::Within(_), Who::Dn(_))
            | (Identity::Exact(Who::Upn { .. }) | Identity::UpnDomain(_), Who::Upn { .. })
            | (Identity::Exact(Who::Account { .. }), Who::Account { .. })
    )
}
