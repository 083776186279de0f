//! Entries of one search, one behind the other: what most octets of large results are.
//!
//! The first of them is read as every response is, by [`ResponseHead`]; the others differ in their lengths alone. Here
//! they are told by that. It changes no answer: what is not of that shape is left to be read with care.

use super::ResponseHead;

/// The tag of a SearchResultEntry.
const ENTRY: u8 = 0x64;

/// The entries that follow one another in octets.
#[derive(Debug, Clone, Copy)]
pub struct EntryRun<'a> {
    octets: &'a [u8],
    /// None: there are no others.
    like: Option<Like>,
}

/// The messageID of the first of them, as it was written, and the tag that follows it: compared as one number.
#[derive(Debug, Clone, Copy)]
struct Like {
    octets: u64,
    mask: u64,
    length: usize,
}

impl Like {
    /// What is at the start of `octets`; none if it is not a messageID and an entry.
    fn of(octets: &[u8]) -> Option<Self> {
        let [0x02, id_len @ 1..=4, ..] = *octets else { return None };
        let length = usize::from(id_len).wrapping_add(3);
        if octets.get(length.wrapping_sub(1)) != Some(&ENTRY) {
            return None;
        }
        let mask = u64::MAX.checked_shr(u32::from(5_u8.wrapping_sub(id_len)).wrapping_mul(8))?;
        Some(Self { octets: u64::from_le_bytes(*octets.first_chunk()?) & mask, mask, length })
    }

    /// What follows it, if it is at the start of `octets`.
    #[inline]
    fn strip<'o>(&self, octets: &'o [u8]) -> Option<&'o [u8]> {
        let first = u64::from_le_bytes(*octets.first_chunk()?);
        if first & self.mask == self.octets { octets.get(self.length..) } else { None }
    }
}

impl<'a> EntryRun<'a> {
    /// Those behind `first`, an entry, at the start of the octets that follow it.
    pub fn behind(first: &'a [u8], octets: &'a [u8]) -> Self {
        let start = length(first.get(1..).unwrap_or_default()).map_or(0, |(_, octets)| octets.saturating_add(1));
        let like = Like::of(first.get(start..).unwrap_or_default());
        Self { octets, like }
    }

    /// What has not been looked at.
    pub fn rest(&self) -> &'a [u8] {
        self.octets
    }
}

impl<'a> Iterator for EntryRun<'a> {
    type Item = (ResponseHead, &'a [u8]);

    /// The next entry, whole. Its head lacks nothing but the messageID, which is the first one's: 0.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let [0x30, outer @ ..] = self.octets else { return None };
        let (content, outer_len) = length(outer)?;
        let like = self.like.as_ref()?;
        let (body_len, inner_len) = length(like.strip(outer.get(outer_len..)?)?)?;
        let before_body = like.length.wrapping_add(inner_len);
        let whole = content.wrapping_add(outer_len).wrapping_add(1);
        if before_body.wrapping_add(body_len) > content {
            return None;
        }
        let (message, behind) = self.octets.split_at_checked(whole)?;
        self.octets = behind;
        let body_offset = before_body.wrapping_add(outer_len).wrapping_add(1);
        let operation = super::ResponseOp::SearchEntry;
        Some((ResponseHead { length: whole, message_id: 0, operation, body_offset, body_len }, message))
    }
}

/// A length of at most 24 bits at the start of `octets`, in any form that servers use, and how many octets it has.
#[inline]
fn length(octets: &[u8]) -> Option<(usize, usize)> {
    match *octets {
        [short, ..] if short < 0x80 => Some((usize::from(short), 1)),
        [0x81, low, ..] => Some((usize::from(low), 2)),
        [0x82, high, low, ..] => Some((usize::from(u16::from_be_bytes([high, low])), 3)),
        [0x83, high, middle, low, ..] | [0x84, 0, high, middle, low, ..] => {
            let octets = if octets.first() == Some(&0x83) { 4 } else { 5 };
            Some((usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()?, octets))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::write;

    fn entry(out: &mut Vec<u8>, message_id: u32, octets: usize) {
        let value = vec![b'x'; octets];
        let attributes: [(&[u8], [&[u8]; 1]); 1] = [(b"cn", [&value])];
        write::search_entry(out, message_id, b"cn=alice,dc=example", attributes, &[]);
    }

    /// What is read with care.
    fn with_care(octets: &[u8]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        let mut rest = octets;
        while let Ok(Some(head)) = ResponseHead::peek(rest) {
            if rest.len() < head.length || head.operation != crate::message::ResponseOp::SearchEntry {
                break;
            }
            found.push((head.length, head.body_offset, head.body_len));
            rest = &rest[head.length..];
        }
        found
    }

    fn in_a_run(octets: &[u8]) -> Vec<(usize, usize, usize)> {
        let Ok(Some(head)) = ResponseHead::peek(octets) else { return Vec::new() };
        let Some((first, rest)) = octets.split_at_checked(head.length) else { return Vec::new() };
        let run = EntryRun::behind(first, rest);
        let mut found = vec![(head.length, head.body_offset, head.body_len)];
        found.extend(run.map(|(head, message)| {
            assert_eq!(head.length, message.len());
            (head.length, head.body_offset, head.body_len)
        }));
        found
    }

    #[test]
    fn entries_of_all_sizes_are_one_run() {
        for message_id in [1, 127, 128, 40_000, 70_000_000] {
            let mut octets = Vec::new();
            for size in [1, 60, 63, 64, 65, 66, 67, 90, 100, 110, 120, 200, 250, 300, 66_000, 20] {
                entry(&mut octets, message_id, size);
            }
            assert_eq!(in_a_run(&octets), with_care(&octets));
            assert_eq!(with_care(&octets).len(), 16);
        }
    }

    #[test]
    fn lengths_may_look_like_tags() {
        for size in 0..140 {
            let mut octets = Vec::new();
            (0..3).for_each(|_| entry(&mut octets, 0x64, size));
            assert_eq!(in_a_run(&octets), with_care(&octets), "{size}");
            assert_eq!(with_care(&octets).len(), 3);
        }
    }

    #[test]
    fn a_run_ends_before_what_is_something_else() {
        let mut octets = Vec::new();
        entry(&mut octets, 5, 10);
        entry(&mut octets, 5, 10);
        let both = octets.len();
        entry(&mut octets, 6, 10);
        let Ok(Some(head)) = ResponseHead::peek(&octets) else { panic!() };
        let (first, rest) = octets.split_at(head.length);
        let mut run = EntryRun::behind(first, rest);
        assert_eq!(run.by_ref().count(), 1);
        assert_eq!(run.rest(), &octets[both..]);
        // A partial one, and lengths that do not fit, are read with care too.
        for rest in [&octets[..both - 1], b"\x30\x07\x02\x01\x05\x64\x09\x04\x00", b"\x30\x80\x02\x01\x05\x64\x00"] {
            assert_eq!(EntryRun::behind(first, &rest[..0]).count(), 0);
            let behind = if rest.len() > 20 { &rest[head.length..] } else { rest };
            assert_eq!(EntryRun::behind(first, behind).count(), 0);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_told_as_with_care(
            sizes in proptest::collection::vec(0_usize..400, 1..8),
            at in 0_usize..600,
            octet in any::<u8>(),
            cut in 0_usize..2_000,
        ) {
            let mut octets = Vec::new();
            for size in sizes {
                entry(&mut octets, 300, size);
            }
            // Behind the first, as that one is read by whoever begins a run.
            let first = with_care(&octets)[0].0;
            let place = first + at;
            if place < octets.len() {
                octets[place] = octet;
            }
            octets.truncate(octets.len().saturating_sub(cut).max(first));
            let (careful, run) = (with_care(&octets), in_a_run(&octets));
            prop_assert!(careful.starts_with(&run), "{careful:?} {run:?}");
        }
    }
}
