//! By which name a socket is known to the kernel and to whoever has the driver.

/// Which socket of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client's, and whatever is alone.
    Client,
    /// The server's.
    Upstream,
}

/// A socket's name: a place, when it was filled, and a side. What is gone keeps its name, and nothing gets it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

/// The lowest bit tells the side, 31 bits the place, the upper half when the place was filled.
const PLACE_BITS: u32 = 31;

impl Key {
    /// Nobody's: what is watched beside.
    pub(crate) const BESIDE: Self = Self(u64::MAX);

    /// None where there are more places than any process has descriptors.
    pub(crate) fn new(place: usize, stamp: u32) -> Option<Self> {
        let place = u64::try_from(place).ok().filter(|place| place >> PLACE_BITS == 0)?;
        Some(Self(u64::from(stamp) << 32 | place << 1))
    }

    /// As the kernel and Python have it.
    #[inline]
    pub fn number(self) -> u64 {
        self.0
    }

    /// What [`Key::number`] gave.
    #[inline]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The same pair's socket on that side.
    #[inline]
    #[must_use]
    pub fn on(self, side: Side) -> Self {
        Self(self.0 & !1 | u64::from(side == Side::Upstream))
    }

    #[inline]
    pub(crate) fn side(self) -> Side {
        if self.0 & 1 == 0 { Side::Client } else { Side::Upstream }
    }

    #[inline]
    pub(crate) fn place(self) -> usize {
        usize::try_from((self.0 & u64::from(u32::MAX)) >> 1).unwrap_or(usize::MAX)
    }

    #[inline]
    pub(crate) fn stamp(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(u32::MAX)
    }
}
