//! Sets of rules, one bit each: what many rules have in common is asked of all of them at once.

use smallvec::SmallVec;

/// Rules by their places in the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleSet {
    /// Words beyond the last one are all zero.
    words: SmallVec<[u64; 4]>,
}

impl Clone for RuleSet {
    #[inline]
    fn clone(&self) -> Self {
        // All at once; `SmallVec::clone` takes one after the other.
        Self { words: SmallVec::from_slice(&self.words) }
    }
}

impl RuleSet {
    /// Adds a rule.
    pub(crate) fn insert(&mut self, rule: u16) {
        let (word, bit) = (usize::from(rule >> 6), rule & 63);
        if self.words.len() <= word {
            self.words.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    /// Whether a rule is in it.
    #[inline]
    pub(crate) fn contains(&self, rule: u16) -> bool {
        self.words.get(usize::from(rule >> 6)).is_some_and(|word| word & (1 << (rule & 63)) != 0)
    }

    /// Adds every rule of `other`.
    pub(crate) fn extend(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Keeps the rules that are in `other` too.
    #[inline]
    pub(crate) fn keep(&mut self, other: &Self) {
        self.words.truncate(other.words.len());
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).fold(0, u32::saturating_add)
    }

    /// The rules, in the order of the list.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = u16> {
        self.words.iter().zip(0_u16..).flat_map(|(word, place)| Bits(*word).map(move |bit| (place << 6) | bit))
    }
}

/// The numbers of a word's bits that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u16;

    #[inline]
    fn next(&mut self) -> Option<u16> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        u16::try_from(bit).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in_and_keep_what_both_have() {
        let set = |rules: &[u16]| {
            let mut set = RuleSet::default();
            for rule in rules {
                set.insert(*rule);
            }
            set
        };
        let mut one = set(&[0, 63, 64, 700]);
        assert_eq!(one.iter().collect::<Vec<_>>(), [0, 63, 64, 700]);
        assert!(one.contains(700) && !one.contains(701) && !one.contains(9_000));
        one.keep(&set(&[63, 64, 65]));
        assert_eq!(one.iter().collect::<Vec<_>>(), [63, 64]);
        one.extend(&set(&[300]));
        assert_eq!(one.count(), 3);
    }
}
