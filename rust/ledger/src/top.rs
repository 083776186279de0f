//! Who asks most: the names that were counted most often, in a table of fixed size.
//!
//! Space-saving (Metwally et al., 2005): a new name takes the place of the one with the least count and inherits it, so
//! that a count is never too low, and too high by no more than what was inherited; who has more than a table's share of
//! all is always in it. What the names mean is not known here.

use std::collections::HashMap;

/// How many names there are at most: enough for a page, and few enough to look for the least of them.
pub const NAMES: usize = 256;

/// Octets of a name that are kept.
const NAME: usize = 256;

/// The place of a name, to be kept by whoever bumps it again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    index: u16,
    /// How often the slot had been taken.
    generation: u64,
}

struct Slot {
    name: Box<str>,
    count: u64,
    generation: u64,
}

/// Names with counts.
#[derive(Default)]
pub struct Top {
    slots: Vec<Slot>,
    places: HashMap<Box<str>, u16>,
}

impl Top {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// The place of a name, which is taken from the one with the least count if there is no other. Nothing is counted
    /// yet.
    pub fn take(&mut self, name: &str) -> Place {
        let name = shortened(name);
        let index = self.places.get(name).copied().unwrap_or_else(|| self.place(name));
        let generation = self.slots.get(usize::from(index)).map_or(0, |slot| slot.generation);
        Place { index, generation }
    }

    /// Counts one for the name at this place. False, and nothing counted, if another has taken it since: then it is to
    /// be taken again.
    #[must_use = "who lost its place has to take one again"]
    pub fn bump(&mut self, place: Place) -> bool {
        match self.slots.get_mut(usize::from(place.index)) {
            Some(slot) if slot.generation == place.generation => {
                slot.count = slot.count.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    /// The `n` names that were counted most, the first of them most often; names that were never counted are none.
    pub fn most(&self, n: usize) -> Vec<(&str, u64)> {
        let counted = self.slots.iter().filter(|slot| slot.count > 0);
        let mut most: Vec<_> = counted.map(|slot| (&*slot.name, slot.count)).collect();
        most.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
        most.truncate(n);
        most
    }

    /// Makes a place for a name that has none.
    fn place(&mut self, name: &str) -> u16 {
        if self.slots.len() < NAMES {
            let index = u16::try_from(self.slots.len()).unwrap_or(u16::MAX);
            self.slots.push(Slot { name: name.into(), count: 0, generation: 0 });
            self.places.insert(name.into(), index);
            return index;
        }
        let least = self.slots.iter_mut().enumerate().min_by_key(|(_, slot)| slot.count);
        let Some((index, slot)) = least else { return u16::MAX };
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        self.places.remove(&slot.name);
        slot.name = name.into();
        slot.generation = slot.generation.saturating_add(1);
        self.places.insert(name.into(), index);
        index
    }
}

/// A name as it is kept.
fn shortened(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME)).unwrap_or(name)
}
