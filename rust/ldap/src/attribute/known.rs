//! Every spelling in the tables of attribute types, found in one step: attribute names are read for each request and
//! each entry that rules look at, and nearly all of them are in the tables.

use std::sync::LazyLock;

use super::names;

/// Longer than every spelling in the tables.
const LONGEST: usize = 64;

/// Twice as many slots as spellings, or more: most lookups see one slot.
static KNOWN: LazyLock<Box<[Option<Spelling>]>> = LazyLock::new(|| {
    let spellings: Vec<_> = names::spellings().collect();
    let length = spellings.len().saturating_mul(2).next_power_of_two();
    let mut slots: Box<[Option<Spelling>]> = vec![None; length].into_boxed_slice();
    for (spelling, name) in spellings {
        let mut place = place_of(hash(spelling.bytes()), length);
        while let Some(Some(known)) = slots.get(place)
            && known.0 != spelling
        {
            place = place.wrapping_add(1) & length.wrapping_sub(1);
        }
        if let Some(slot) = slots.get_mut(place) {
            *slot = Some((spelling, name));
        }
    }
    slots
});

/// A spelling in lower case, and the name that stands for it.
type Spelling = (&'static str, &'static str);

/// The name that stands for a spelling in whatever case; none if the tables have no such spelling.
pub(super) fn name_of(spelling: &[u8]) -> Option<&'static str> {
    let mut folded = [0; LONGEST];
    let folded = folded.get_mut(..spelling.len())?;
    for (to, from) in folded.iter_mut().zip(spelling) {
        *to = from.to_ascii_lowercase();
    }
    let slots = &**KNOWN;
    let mut place = place_of(hash(folded.iter().copied()), slots.len());
    // A free slot comes before long: at least half of them are free.
    while let Some(Some((known, name))) = slots.get(place) {
        if known.as_bytes() == &*folded {
            return Some(name);
        }
        place = place.wrapping_add(1) & slots.len().wrapping_sub(1);
    }
    None
}

/// FNV-1a. Spellings are ours, so nobody can choose them to fall together; what is looked up meets at most as many
/// slots as they fill in a row.
fn hash(octets: impl Iterator<Item = u8>) -> u64 {
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
}

/// The slot to start from; `length` is a power of two.
fn place_of(hash: u64, length: usize) -> usize {
    // The high bits are the better mixed ones.
    usize::try_from(hash >> 32).unwrap_or_default() & length.wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_tables_is_found_in_any_case_and_no_other() {
        for (spelling, name) in names::spellings() {
            assert!(spelling.len() < LONGEST);
            assert_eq!(name_of(spelling.as_bytes()), Some(name), "{spelling}");
            assert_eq!(name_of(spelling.to_ascii_uppercase().as_bytes()), Some(name), "{spelling}");
            assert_eq!(name_of(format!("{spelling}x").as_bytes()), None, "{spelling}");
        }
        for other in ["", "x", "2.5.4", "cn\0", &"a".repeat(LONGEST), &"a".repeat(1_000)] {
            assert_eq!(name_of(other.as_bytes()), None, "{other}");
        }
    }
}
