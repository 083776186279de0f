//! Attribute types by every spelling that is known of them, found without a copy: entries are many, and their
//! attributes more.
//!
//! Nearly every description in an entry is a short plain name, and is looked up as one block of octets, of which all
//! are folded, checked and compared at once. What is not plain takes the long way to the same answer. Most are not
//! even compared: no spelling has as many octets and the same first letter.

use ostiary_ber::tag::OCTET_STRING;
use ostiary_ldap::attribute::AttributeType;

/// How many octets a block has: hardly a name is longer, and two registers hold it.
const BLOCK: usize = 32;

/// The place of each octet of a block.
const PLACES: [u8; BLOCK] = {
    let (mut places, mut place) = ([0; BLOCK], 0_u8);
    let mut left = places.as_mut_slice();
    while let Some((first, behind)) = left.split_first_mut() {
        *first = place;
        place = place.wrapping_add(1);
        left = behind;
    }
    places
};

/// A spelling of at most [`BLOCK`] octets with its case folded, filled up with any one letter.
type Block = [u8; BLOCK];

/// Spellings, each with the rule that brought it.
#[derive(Debug)]
pub(super) struct Spellings {
    /// The first letters of those that fit a block, by their length, a bit for each; all of them for the length that
    /// no name has.
    firsts: [u32; BLOCK + 1],
    /// Those that fit a block, by their length.
    short: Vec<Vec<(Block, u16)>>,
    /// The others.
    long: Vec<(Box<[u8]>, u16)>,
}

impl Default for Spellings {
    fn default() -> Self {
        let mut firsts = [0; BLOCK + 1];
        let [no_name, ..] = &mut firsts;
        *no_name = u32::MAX;
        Self { firsts, short: Vec::new(), long: Vec::new() }
    }
}

impl Spellings {
    /// Adds every spelling of a type; one that is there keeps its rule.
    pub(super) fn add(&mut self, attribute_type: &AttributeType, rule: u16) {
        attribute_type.spellings().for_each(|spelling| self.insert(spelling.as_bytes(), rule));
    }

    /// Adds one spelling, in lower case; one that is there keeps its rule.
    pub(super) fn insert(&mut self, spelling: &[u8], rule: u16) {
        if self.find(spelling).is_some() {
            return;
        }
        let Some(block) = block(spelling) else { return self.long.push((spelling.into(), rule)) };
        if self.short.len() <= spelling.len() {
            self.short.resize_with(spelling.len().saturating_add(1), Vec::new);
        }
        if let Some(bucket) = self.short.get_mut(spelling.len()) {
            bucket.push((fold(&block), rule));
        }
        if let (Some(firsts), Some(first)) = (self.firsts.get_mut(spelling.len()), spelling.first()) {
            *firsts |= letter(*first).unwrap_or(0);
        }
    }

    /// The rule that brought the type spelt so, whatever the case of its letters.
    pub(super) fn find(&self, attribute_type: &[u8]) -> Option<u16> {
        let letter = attribute_type.first().and_then(|first| letter(*first));
        if let (Some(letter), Some(firsts)) = (letter, self.firsts.get(attribute_type.len()))
            && firsts & letter == 0
        {
            return None;
        }
        if let Some(block) = block(attribute_type) {
            return self.find_block(&block, attribute_type.len());
        }
        let same = |(spelling, _): &&(Box<[u8]>, u16)| spelling.eq_ignore_ascii_case(attribute_type);
        self.long.iter().find(same).map(|(_, rule)| *rule)
    }

    #[inline]
    fn find_block(&self, block: &Block, length: usize) -> Option<u16> {
        let bucket = self.short.get(length)?;
        if bucket.is_empty() {
            return None;
        }
        let folded = fold(block);
        bucket.iter().find(|(spelling, _)| *spelling == folded).map(|(_, rule)| *rule)
    }

    /// Whether the description of an attribute is surely a plain name that nobody brought. The attribute's content is
    /// the first `length` octets of `attribute`: the description, tagged, and values.
    ///
    /// What follows it is looked at too where there is enough, so that nothing has to be copied, and then not counted.
    #[inline]
    pub(super) fn surely_lack(&self, attribute: &[u8], length: usize, known: &mut PlainName) -> bool {
        if known.is_at(attribute) {
            usize::from(known.length).wrapping_add(2) <= length && self.lack_first(known.length, known.letter)
        } else {
            self.surely_lack_other(attribute, length, known)
        }
    }

    fn surely_lack_other(&self, attribute: &[u8], length: usize, known: &mut PlainName) -> bool {
        let [OCTET_STRING, name_len, ref name @ ..] = *attribute else { return false };
        let Some(letter) = name.first().and_then(|first| letter(*first)) else { return false };
        let is_kept = usize::from(name_len).wrapping_add(2) <= length
            && self.lack_first(name_len, letter)
            && is_plain_name(name, name_len);
        if is_kept && let Some(name) = PlainName::of(attribute, name_len, letter) {
            *known = name;
        }
        is_kept
    }

    /// Whether nobody brought a name of this length that begins with this letter.
    #[inline]
    fn lack_first(&self, length: u8, letter: u32) -> bool {
        self.firsts.get(usize::from(length)).is_some_and(|firsts| firsts & letter == 0)
    }

    /// The rule that brought the type that a plain name without options describes; an error for every other description.
    #[inline]
    pub(super) fn find_plain(&self, description: &[u8]) -> Result<Option<u16>, NotPlain> {
        let block = block(description).ok_or(NotPlain)?;
        let starts_well = description.first().is_some_and(u8::is_ascii_alphabetic);
        // No early end: so all octets are looked at side by side.
        let is_plain = block.iter().fold(true, |is_plain, octet| is_plain & is_keychar(*octet));
        if starts_well && is_plain { Ok(self.find_block(&block, description.len())) } else { Err(NotPlain) }
    }
}

/// What has to take the long way.
pub(super) struct NotPlain;

/// A plain name that was seen, of at most 14 octets, as it lies in an entry: tag, length and octets; or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainName {
    octets: [u64; 2],
    /// Which of the octets are its own.
    masks: [u64; 2],
    length: u8,
    letter: u32,
}

impl Default for PlainName {
    fn default() -> Self {
        // Nothing has these octets, as they lack the tag.
        Self { octets: [0; 2], masks: [u64::MAX; 2], length: 0, letter: 0 }
    }
}

impl PlainName {
    fn of(attribute: &[u8], length: u8, letter: u32) -> Option<Self> {
        let unused = 112_u32.checked_sub(u32::from(length).wrapping_mul(8))?;
        let masks = halves(&(u128::MAX >> unused).to_le_bytes());
        let [low, high] = halves(attribute.first_chunk()?);
        let [low_mask, high_mask] = masks;
        Some(Self { octets: [low & low_mask, high & high_mask], masks, length, letter })
    }

    /// Whether it is the name at the start of `attribute`.
    #[inline]
    fn is_at(&self, attribute: &[u8]) -> bool {
        let Some(octets) = attribute.first_chunk() else { return false };
        let ([low, high], [low_mask, high_mask], [own_low, own_high]) = (halves(octets), self.masks, self.octets);
        ((low & low_mask) ^ own_low) | ((high & high_mask) ^ own_high) == 0
    }
}

/// Sixteen octets as two numbers, the first octet the lowest of the first.
#[inline]
fn halves(octets: &[u8; 16]) -> [u64; 2] {
    match octets.as_chunks() {
        ([low, high], _) => [u64::from_le_bytes(*low), u64::from_le_bytes(*high)],
        _ => [0; 2],
    }
}

/// Whether the first octets are all such as names have.
fn is_plain_name(octets: &[u8], length: u8) -> bool {
    match (octets.first_chunk::<{ BLOCK / 2 }>(), octets.first_chunk::<BLOCK>()) {
        (Some(half), _) if usize::from(length) <= half.len() => is_plain(half, length),
        (_, Some(whole)) => is_plain(whole, length),
        _ => octets.get(..length.into()).and_then(block).is_some_and(|block| is_plain(&block, length)),
    }
}

/// The bit of a letter, whatever its case.
#[inline]
fn letter(octet: u8) -> Option<u32> {
    let place = (octet | 0x20).wrapping_sub(b'a');
    if place < 26 { 1_u32.checked_shl(place.into()) } else { None }
}

/// Whether the first octets of a block are all such as names have. Not inlined: knowing more of the octets, compilers
/// look at them in pieces.
#[inline(never)]
#[expect(clippy::needless_bitwise_bool, reason = "without branches, so that many octets are checked at once")]
fn is_plain<const N: usize>(block: &[u8; N], length: u8) -> bool {
    let mut odd = [false; N];
    for ((odd, octet), place) in odd.iter_mut().zip(block).zip(&PLACES) {
        *odd = (*place < length) & !is_keychar(*octet);
    }
    // No early end: so all octets are looked at side by side.
    !odd.iter().fold(false, |any, odd| any | *odd)
}

#[inline]
fn block(text: &[u8]) -> Option<Block> {
    let mut block = [b'a'; BLOCK];
    block.get_mut(..text.len())?.copy_from_slice(text);
    Some(block)
}

#[inline]
fn fold(block: &Block) -> Block {
    block.map(|octet| octet.to_ascii_lowercase())
}

/// A description without its options and without `LDAPv2`'s `OID.`, if it is one that can be normalised.
///
/// It is so exactly where `AttributeDescription::parse` says so, but nothing is copied.
pub(super) fn type_of(description: &[u8]) -> Option<&[u8]> {
    let (attribute_type, options) = match description.iter().position(|octet| *octet == b';') {
        None => (description, None),
        Some(place) => {
            let (attribute_type, options) = description.split_at_checked(place)?;
            (attribute_type, options.get(1..))
        }
    };
    if options.is_some_and(|options| !options.split(|octet| *octet == b';').all(is_option)) {
        return None;
    }
    let attribute_type = match attribute_type {
        [b'o' | b'O', b'i' | b'I', b'd' | b'D', b'.', rest @ ..] => rest,
        _ => attribute_type,
    };
    let first = attribute_type.first()?;
    let well_formed = if first.is_ascii_digit() {
        attribute_type.split(|octet| *octet == b'.').all(is_arc)
    } else {
        first.is_ascii_alphabetic() && attribute_type.iter().all(|octet| is_keychar(*octet))
    };
    well_formed.then_some(attribute_type)
}

#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "without branches, so that many octets are checked at once")]
fn is_keychar(octet: u8) -> bool {
    let is_letter = (octet | 0x20).wrapping_sub(b'a') < 26;
    let is_digit = octet.wrapping_sub(b'0') < 10;
    is_letter | is_digit | (octet == b'-') | (octet == b'_')
}

fn is_arc(arc: &[u8]) -> bool {
    arc.iter().all(u8::is_ascii_digit) && matches!(arc, [b'1'..=b'9', ..] | [b'0'])
}

fn is_option(option: &[u8]) -> bool {
    !option.is_empty() && option.iter().all(|octet| is_keychar(*octet) || matches!(octet, b'=' | b'*' | b'.'))
}

#[cfg(test)]
mod tests {
    use ostiary_ldap::attribute::AttributeDescription;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_is_found_and_no_other() {
        let mut spellings = Spellings::default();
        spellings.add(&AttributeType::parse(b"sn").unwrap(), 3);
        spellings.add(&AttributeType::parse(b"surname").unwrap(), 4);
        let long = "x-a-name-that-is-longer-than-any-block-is";
        spellings.add(&AttributeType::parse(long.as_bytes()).unwrap(), 3);
        for spelling in ["sn", "SN", "SURNAME", "2.5.4.4", long, &long.to_uppercase()] {
            assert_eq!(spellings.find(spelling.as_bytes()), Some(3), "{spelling}");
        }
        for other in ["", "s", "cn", "snn", "sna", "2.5.4.3", "\u{17f}n", &long[1..]] {
            assert_eq!(spellings.find(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_type_is_given_where_a_description_can_be_parsed(
            text in "([oO][iI][dD]\\.)?([a-zA-Z0-9._ *-]{0,6}|[cC][nN])(;[a-z*=. \u{e9}]{0,3}){0,2}"
        ) {
            let parsed = AttributeDescription::parse(text.as_bytes());
            let found = type_of(text.as_bytes());
            prop_assert_eq!(found.is_some(), parsed.is_ok());
            let mut spellings = Spellings::default();
            spellings.add(&AttributeType::parse(b"cn").unwrap(), 1);
            for behind in ["", "cn;", "\u{0}0123456789012345678901234567890123456789"] {
                let length = u8::try_from(text.len()).unwrap();
                let octets = [&[OCTET_STRING, length], text.as_bytes(), behind.as_bytes()].concat();
                let mut known = PlainName::default();
                let lack = spellings.surely_lack(&octets, text.len() + 2, &mut known);
                prop_assert_eq!(spellings.surely_lack(&octets, text.len() + 2, &mut known), lack);
                prop_assert!(!spellings.surely_lack(&octets, text.len() + 1, &mut known), "longer than its attribute");
                if lack {
                    prop_assert_eq!(found, Some(text.as_bytes()));
                    prop_assert_eq!(spellings.find(text.as_bytes()), None);
                    prop_assert!(text.starts_with(|first: char| first.is_ascii_alphabetic()));
                }
            }
            if let Ok(plain) = spellings.find_plain(text.as_bytes()) {
                prop_assert_eq!(found, Some(text.as_bytes()));
                prop_assert_eq!(plain, spellings.find(text.as_bytes()));
            }
            if let (Some(found), Ok(parsed)) = (found, parsed) {
                prop_assert_eq!(&AttributeType::parse(found).unwrap(), parsed.attribute_type());
            }
        }
    }
}
