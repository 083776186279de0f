//! Records that wait to be taken away: at most so many octets, and a count of those for which there was no room.
//!
//! It does not know what a record says, nor who writes it.

use super::RECORD;

/// Whole records, one after another.
pub(super) struct Buffer {
    octets: Vec<u8>,
    records: u64,
    lost: u64,
    /// What the octets are never more than.
    bound: usize,
    /// How many were taken away last time: as many will come again.
    usual: usize,
}

impl Buffer {
    pub(super) fn new(bound: usize) -> Self {
        Self { octets: Vec::new(), records: 0, lost: 0, bound, usual: 0 }
    }

    /// Keeps a record, given in pieces, or loses it whole.
    pub(super) fn push(&mut self, pieces: [&[u8]; 3]) {
        let length = pieces.iter().fold(0_usize, |length, piece| length.saturating_add(piece.len()));
        let left = self.bound.saturating_sub(self.octets.len());
        if length > left {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        if self.octets.capacity().saturating_sub(self.octets.len()) < length {
            // Doubling, but not beyond the bound.
            self.octets.reserve_exact(self.octets.len().max(self.usual).max(RECORD).min(left));
        }
        for piece in pieces {
            self.octets.extend_from_slice(piece);
        }
        self.records = self.records.saturating_add(1);
    }

    /// All records, and how many they are.
    pub(super) fn drain(&mut self) -> (Vec<u8>, u64) {
        self.usual = self.octets.len();
        (core::mem::take(&mut self.octets), core::mem::take(&mut self.records))
    }

    /// How many were lost since this was asked last.
    pub(super) fn take_lost(&mut self) -> u64 {
        core::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_lost_whole_and_counted() {
        let mut buffer = Buffer::new(10);
        buffer.push([b"123", b"45", b"\n"]);
        buffer.push([b"1234", b"", b"\n"]);
        buffer.push([b"123", b"", b"\n"]);
        buffer.push([b"", b"", b"\n"]);
        assert_eq!(buffer.drain(), (b"12345\n123\n".to_vec(), 2));
        assert_eq!((buffer.take_lost(), buffer.take_lost()), (2, 0));
        buffer.push([b"1", b"", b"\n"]);
        assert_eq!(buffer.drain(), (b"1\n".to_vec(), 1));
        assert_eq!(buffer.drain(), (Vec::new(), 0));
    }

    #[test]
    fn memory_is_no_more_than_the_bound() {
        let mut buffer = Buffer::new(100_000);
        for _ in 0..3 {
            for _ in 0..2_000 {
                buffer.push([b"", &[b'x'; 99], b"\n"]);
                assert!(buffer.octets.capacity() <= 100_000);
            }
            assert_eq!(buffer.drain().1, 1_000);
            assert_eq!(buffer.take_lost(), 1_000);
        }
    }
}
