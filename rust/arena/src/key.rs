//! Keys: octets hashed under the region's secret, so that a peer who chooses octets does not choose sets.

use core::hash::Hasher;
use core::num::NonZeroU64;

use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::Arena;

/// What a table knows of a key. Never zero: that is a slot that nobody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(NonZeroU64);

impl Key {
    pub(crate) fn word(self) -> u64 {
        self.0.get()
    }

    fn from_hash(hash: u64) -> Self {
        Self(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MAX))
    }
}

/// Takes the octets of a key. What has `Hash` can be fed to it without being copied.
#[derive(Clone)]
pub struct KeyHasher(SipHasher13);

impl KeyHasher {
    /// The key of all that was fed.
    pub fn key(&self) -> Key {
        Key::from_hash(self.0.finish())
    }
}

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, octets: &[u8]) {
        self.0.write(octets);
    }
}

/// What is remembered of something secret: 128 bits of a keyed hash, of which a table keeps 88.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    pub(crate) key: Key,
    pub(crate) check: u64,
}

impl Arena {
    /// Begins a key.
    pub fn hasher(&self) -> KeyHasher {
        KeyHasher(SipHasher13::new_with_key(&self.secret))
    }

    /// The fingerprint of `secret` among those of `owner`. It cannot be turned back without the region's own secret.
    pub fn fingerprint(&self, owner: Key, secret: &[u8]) -> Fingerprint {
        let mut hasher = SipHasher24::new_with_key(&self.secret);
        hasher.write_u64(owner.word());
        hasher.write(secret);
        let (low, high) = hasher.finish128().as_u64();
        Fingerprint { key: Key::from_hash(low), check: high }
    }
}
