//! What makes two clients, or two identities, count as one.

use core::hash::{Hash, Hasher};
use core::net::IpAddr;
use core::str;
use std::hash::DefaultHasher;

use ostiary_arena::{Arena, Key, KeyHasher};
use ostiary_ldap::message::BindRequest;
use ostiary_ldap::prepare::prepare;

use crate::facts::ClientFacts;
use crate::who::Who;

/// Which part of an address counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    four: u32,
    six: u128,
}

impl Prefix {
    /// Whole addresses.
    pub(crate) const ADDRESS: Self = Self { four: u32::MAX, six: u128::MAX };
    /// Whole addresses of IPv4, and of IPv6 what one client is usually given.
    pub(crate) const SITE: Self = Self { four: u32::MAX, six: u128::MAX << 64 };

    /// Up to 32 it is a prefix of IPv4, and IPv6 counts by /64. Above, it is one of IPv6, and IPv4 counts by address.
    /// None unless it is of 1 to 128.
    pub(crate) fn new(bits: u32) -> Option<Self> {
        match bits {
            1..=32 => Some(Self { four: u32::MAX.checked_shl(32_u32.checked_sub(bits)?)?, ..Self::SITE }),
            33..=128 => Some(Self { six: u128::MAX.checked_shl(128_u32.checked_sub(bits)?)?, ..Self::ADDRESS }),
            _ => None,
        }
    }

    /// Clients on unix sockets have no address: those of one listener are one.
    pub(crate) fn feed(self, hasher: &mut KeyHasher, client: &ClientFacts) {
        match client.address {
            Some(IpAddr::V4(address)) => {
                hasher.write_u8(4);
                hasher.write_u32(address.to_bits() & self.four);
            }
            Some(IpAddr::V6(address)) => {
                hasher.write_u8(6);
                hasher.write_u128(address.to_bits() & self.six);
            }
            None => client.listener.hash(hasher),
        }
    }
}

/// What has a bucket of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct KeyParts {
    pub(crate) origin: Option<Prefix>,
    pub(crate) identity: bool,
    pub(crate) listener: bool,
}

impl KeyParts {
    /// Feeds all but the identity.
    pub(crate) fn feed(self, hasher: &mut KeyHasher, client: &ClientFacts) {
        if let Some(origin) = self.origin {
            origin.feed(hasher, client);
        }
        if self.listener {
            client.listener.hash(hasher);
        }
    }
}

/// Tells the keys of one rule from those of others, as long as it has its name: whoever shares the arena and whoever
/// compiles the rule anew comes to the same keys. Not secret; the arena's own secret is what nobody can guess.
pub(crate) fn salt(plugin: &str, rule: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (plugin, rule).hash(&mut hasher);
    hasher.finish()
}

/// The key of an identity. All who authenticated by a mechanism that keeps their name are one, and all whose name cannot be normalised are one, so that nobody gains by a new spelling.
pub(crate) fn identity(arena: &Arena, who: &Who) -> Key {
    let mut hasher = arena.hasher();
    who.hash(&mut hasher);
    hasher.key()
}

/// The key of the identity that a bind asks for.
pub(crate) fn asked_identity(arena: &Arena, bind: &BindRequest<'_>) -> Key {
    match (Who::asked_by(bind), plain_name(bind.name)) {
        (Who::Unreadable, Some(name)) => {
            let mut hasher = arena.hasher();
            name.hash(&mut hasher);
            hasher.key()
        }
        (who, _) => identity(arena, &who),
    }
}

/// A name that is of none of the known forms but still plain text, as `alice`: some servers take such names.
fn plain_name(name: &[u8]) -> Option<String> {
    if name.iter().any(|octet| b"=<>\\@/,;".contains(octet)) {
        return None;
    }
    prepare(str::from_utf8(name).ok()?).ok()
}
