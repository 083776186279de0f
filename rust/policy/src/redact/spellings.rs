//! Attribute types by every spelling that is known of them, found without a copy: entries are many, and their
//! attributes more.
//!
//! Nearly every description in an entry is a short plain name, and is looked up as one block of octets, of which all
//! are folded, checked and compared at once. What is not plain takes the long way to the same answer. Most are not
//! even compared: no spelling has as many octets and the same first letter.

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

    /// Whether the description of `length` octets at the start of `octets` is surely a plain name that nobody brought.
    ///
    /// What follows it is looked at too where there is enough, so that nothing has to be copied, and then not counted.
    #[inline]
    pub(super) fn surely_lack(&self, octets: &[u8], length: u8, known: &mut PlainName) -> bool {
        let Some(letter) = octets.first().and_then(|first| letter(*first)) else { return false };
        if self.firsts.get(usize::from(length)).is_none_or(|firsts| firsts & letter != 0) {
            return false;
        }
        let Some(name) = PlainName::of(octets, length) else { return is_plain_name(octets, length) };
        if name == *known {
            return true;
        }
        let is_plain = is_plain_name(octets, length);
        if is_plain {
            *known = name;
        }
        is_plain
    }

    /// The same for a description that is a plain name without options; an error for every other.
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

/// A plain name that was seen, of at most 15 octets, and behind them its length; or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PlainName(u128);

impl PlainName {
    /// The octets of what may be such a name.
    #[inline]
    fn of(octets: &[u8], length: u8) -> Option<Self> {
        let mask = MASKS.get(usize::from(length))?;
        let octets = u128::from_le_bytes(*octets.first_chunk()?);
        Some(Self((octets & mask) | (u128::from(length) << 120)))
    }
}

/// What is left of 16 octets by each length.
const MASKS: [u128; 16] = {
    let mut masks = [0; 16];
    let (mut left, mut mask) = (masks.as_mut_slice(), u128::MAX);
    while let Some((last, before)) = left.split_last_mut() {
        mask >>= 8;
        *last = mask;
        left = before;
    }
    masks
};

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
                let octets = format!("{text}{behind}");
                let length = u8::try_from(text.len()).unwrap();
                let mut known = PlainName::default();
                let lack = spellings.surely_lack(octets.as_bytes(), length, &mut known);
                prop_assert_eq!(spellings.surely_lack(octets.as_bytes(), length, &mut known), lack);
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
