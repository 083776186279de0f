//! Who a rule is about: identities and certificates, compiled and compared.

use ostiary_ldap::dn::Dn;
use ostiary_ldap::prepare::prepare;

use super::spec::{AmongSpec, CertificateSpec, IdentitySpec};
use super::truth::Truth;
use crate::facts::Certificate;
use crate::fault::Faults;
use crate::who::Who;

/// One identity of a rule, or many that have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Everybody.
    Any,
    /// Whoever proved anything; of binds, whoever claims anything.
    Authenticated,
    /// Who proved nothing; of binds, the explicit anonymous ones.
    Anonymous,
    /// Exactly this one: a DN, a UPN or an account.
    Exact(Who),
    /// Every DN below this one.
    Within(Dn),
    /// Every UPN of this domain, prepared.
    UpnDomain(Box<str>),
}

impl Identity {
    pub(crate) fn compile(spec: &IdentitySpec, faults: &mut Faults) -> Option<Self> {
        match spec {
            IdentitySpec::Name(name) => Self::from_name(name, faults),
            IdentitySpec::Among(AmongSpec::Within(name)) => {
                faults.within("within", |faults| parent(name, faults)).map(Self::Within)
            }
            IdentitySpec::Among(AmongSpec::UpnDomain(domain)) => faults.within("upn_domain", |faults| {
                match prepare(domain) {
                    Ok(prepared) if !prepared.is_empty() && !prepared.contains('@') => {
                        return Some(Self::UpnDomain(prepared.into()));
                    }
                    _ => faults.add(format!("not a domain, write what stands behind the at sign: {domain:?}")),
                }
                None
            }),
        }
    }

    fn from_name(name: &str, faults: &mut Faults) -> Option<Self> {
        match name {
            "any" => return Some(Self::Any),
            "authenticated" => return Some(Self::Authenticated),
            "anonymous" => return Some(Self::Anonymous),
            "" => faults.add("empty, write \"anonymous\" for clients that prove nothing"),
            _ => match Who::from_name(name.as_bytes()) {
                who @ (Who::Dn(_) | Who::Upn { .. } | Who::Account { .. }) => return Some(Self::Exact(who)),
                _ => faults.add(format!(
                    "not an identity, write a DN, a UPN, DOMAIN\\user, \"anonymous\", \"authenticated\" or \"any\": {name:?}"
                )),
            },
        }
        None
    }

    /// Whether `who` is meant.
    pub(crate) fn holds(&self, who: &Who) -> Truth {
        match (self, who) {
            (Self::Any, _) => Truth::Yes,
            (Self::Authenticated, who) => (!who.is_anonymous()).into(),
            (Self::Anonymous, who) => who.is_anonymous().into(),
            (_, Who::Unreadable) => Truth::Unreadable,
            (Self::Exact(exact), who) => (exact == who).into(),
            (Self::Within(parent), Who::Dn(dn)) => is_below(dn, parent).into(),
            (Self::UpnDomain(domain), Who::Upn { domain: of, .. }) => (domain == of).into(),
            (Self::Within(_) | Self::UpnDomain(_), _) => Truth::No,
        }
    }
}

/// Whether `dn` is below `parent`, and not that entry itself.
pub(super) fn is_below(dn: &Dn, parent: &Dn) -> bool {
    dn.rdns().len() > parent.rdns().len() && dn.is_within(parent)
}

/// What a rule asks of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CertificateTest {
    /// Its subject is this one.
    Subject(Dn),
    /// Its subject is below this DN.
    Within(Dn),
    /// It has this alternative name, in lower case.
    San(Box<str>),
}

impl CertificateTest {
    pub(crate) fn compile(spec: &CertificateSpec, faults: &mut Faults) -> Option<Self> {
        match spec {
            CertificateSpec::Subject(name) => {
                faults.within("subject", |faults| parent(name, faults)).map(Self::Subject)
            }
            CertificateSpec::Within(name) => faults.within("within", |faults| parent(name, faults)).map(Self::Within),
            CertificateSpec::San(name) if name.is_empty() => {
                faults.within("san", |faults| faults.add("empty, write a DNS name or a URI"));
                None
            }
            CertificateSpec::San(name) => Some(Self::San(name.to_lowercase().into())),
        }
    }

    pub(super) fn holds(&self, certificate: Option<&Certificate>) -> Truth {
        let Some(certificate) = certificate else { return Truth::No };
        match (self, &certificate.subject) {
            (Self::San(name), _) => certificate.names.contains(name).into(),
            (_, None) => Truth::Unreadable,
            (Self::Subject(dn), Some(subject)) => (subject == dn).into(),
            (Self::Within(dn), Some(subject)) => is_below(subject, dn).into(),
        }
    }
}

/// A DN that stands for something: not the root, which is above everybody.
fn parent(name: &str, faults: &mut Faults) -> Option<Dn> {
    if name.trim().is_empty() {
        faults.add("empty, write a DN");
        return None;
    }
    let read = Dn::parse(name).map_err(|error| format!("not a DN, {error}: {name:?}"));
    faults.take(read)
}
