//! Which of the reads that succeeded are recorded: an exact share, without chance.
//!
//! Whatever changes something, proves somebody, or fails, is recorded always.

use ostiary_ldap::message::RequestKind;
use ostiary_ldap::result::ResultCode;

use super::spec::SamplingSpec;
use super::time::span;

/// What a share of 1 is counted in; binary fractions would not add up to it.
const WHOLE: u32 = 1_000_000_000;

/// A share, and what has come together of it.
#[derive(Clone, Copy)]
struct Share {
    of_whole: u32,
    collected: u32,
}

impl Share {
    fn new(share: f64) -> Option<Self> {
        let of_whole = u32::try_from(span(share).as_nanos()).ok()?;
        (share >= 0.0 && of_whole <= WHOLE).then_some(Self { of_whole, collected: 0 })
    }

    fn takes(&mut self) -> bool {
        self.collected = self.collected.saturating_add(self.of_whole);
        let whole = self.collected.checked_sub(WHOLE);
        self.collected = whole.unwrap_or(self.collected);
        whole.is_some()
    }
}

/// The shares of the operations that are sampled.
pub(super) struct Sampling {
    search: Share,
    compare: Share,
}

impl Sampling {
    pub(super) fn compile(spec: &SamplingSpec) -> Result<Self, String> {
        let share = |key: &str, share: f64| {
            Share::new(share).ok_or_else(|| format!("sampling.{key}: not a share between 0 and 1: {share}"))
        };
        Ok(Self { search: share("search", spec.search)?, compare: share("compare", spec.compare)? })
    }

    /// Whether the next operation of this kind that ends so is recorded.
    #[inline]
    pub(super) fn takes(&mut self, kind: RequestKind, code: Option<ResultCode>) -> bool {
        match (kind, code) {
            (RequestKind::Search, Some(ResultCode::SUCCESS)) => self.search.takes(),
            (RequestKind::Compare, Some(ResultCode::COMPARE_TRUE | ResultCode::COMPARE_FALSE)) => self.compare.takes(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(search: f64) -> Sampling {
        Sampling::compile(&SamplingSpec { search, compare: 0.0 }).unwrap()
    }

    #[test]
    fn a_share_is_exact_at_every_moment() {
        for (share, of) in [(0.0, (0, 1)), (1.0, (1, 1)), (0.1, (1, 10)), (0.3, (3, 10)), (0.001, (1, 1_000))] {
            let mut sampling = sampling(share);
            let mut taken = 0;
            for count in 1..=100_000_u64 {
                taken += u64::from(sampling.takes(RequestKind::Search, Some(ResultCode::SUCCESS)));
                assert_eq!(taken, count * of.0 / of.1, "{share} of {count}");
            }
        }
    }

    #[test]
    fn only_reads_that_succeeded_are_sampled() {
        let mut sampling = sampling(0.0);
        for kind in RequestKind::ALL {
            for code in (0..130).map(ResultCode).map(Some).chain([None]) {
                let read = match kind {
                    RequestKind::Search => code == Some(ResultCode(0)),
                    RequestKind::Compare => matches!(code, Some(ResultCode(5 | 6))),
                    _ => false,
                };
                assert_eq!(sampling.takes(kind, code), !read, "{kind} {code:?}");
            }
        }
    }

    #[test]
    fn rejects_what_is_no_share() {
        for share in [-0.1, 1.000_001, 7.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let spec = SamplingSpec { search: 1.0, compare: share };
            let error = Sampling::compile(&spec).err().unwrap();
            assert!(error.starts_with("sampling.compare: not a share between 0 and 1: "), "{error}");
        }
    }
}
