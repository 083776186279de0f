//! Octets that wait in a session, taken from the front at a cost that does not depend on how many wait behind them.
//! Knows no LDAP.

/// A queue of octets in one piece.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    octets: Vec<u8>,
    /// How many at the front are taken already.
    taken: usize,
}

impl Inbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.octets.len().saturating_sub(self.taken)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.octets.get(self.taken..).unwrap_or_default()
    }

    pub(crate) fn extend_from_slice(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// Takes octets from the front; says whether any are left.
    pub(crate) fn take(&mut self, octets: usize) -> bool {
        self.taken = self.taken.saturating_add(octets).min(self.octets.len());
        // Moved only once less than half is left: so each octet is moved once on average, however few are taken.
        if self.taken > self.len() {
            self.octets.drain(..self.taken);
            self.taken = 0;
        }
        !self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_was_not_taken() {
        let mut inbox = Inbox::default();
        inbox.extend_from_slice(b"0123456789");
        for left in ["123456789", "456789", "6789"] {
            assert!(inbox.take(inbox.len() - left.len()));
            assert_eq!((inbox.as_slice(), inbox.len()), (left.as_bytes(), left.len()));
        }
        inbox.extend_from_slice(b"ab");
        assert_eq!(inbox.as_slice(), b"6789ab");
        assert!(!inbox.take(6));
        assert!(inbox.is_empty());
    }
}
