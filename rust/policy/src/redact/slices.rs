//! A message with pieces cut out of it: the rest keeps its bytes, and the elements around a piece become shorter.
//!
//! Each length keeps its form: what was 0x84 and four octets stays so, and what needed two octets has two where one
//! would do. BER allows that (X.690 section 8.1.3.5), directory servers write it, and nothing has to move.

use core::ops::Range;

use smallvec::SmallVec;

/// What is cut out of one message, and what becomes shorter by it.
#[derive(Debug, Default)]
pub(super) struct Slices {
    /// In the order of the message, apart from each other.
    cuts: SmallVec<[Range<usize>; 4]>,
    /// Where elements start that become shorter, and by how much.
    shorter: SmallVec<[(usize, usize); 8]>,
    rule: Option<u16>,
}

impl Slices {
    /// Cuts `range` out, which lies behind everything that was cut before; `rule` is why.
    pub(super) fn cut(&mut self, range: Range<usize>, rule: u16) {
        self.rule.get_or_insert(rule);
        match self.cuts.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.cuts.push(range),
        }
    }

    /// The element that starts at `start` is shorter by `octets`.
    pub(super) fn shorten(&mut self, start: usize, octets: usize) {
        if octets > 0 {
            self.shorter.push((start, octets));
        }
    }

    /// Whether nothing is cut.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Why something is cut: the first rule that said so.
    pub(super) fn rule(&self) -> Option<u16> {
        self.rule
    }

    /// Appends what is left of `message`; none, and nothing appended, if the cuts are not of this message.
    pub(super) fn write(&self, message: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        let written = self.write_lenient(message, out, start);
        if written.is_none() {
            out.truncate(start);
        }
        written
    }

    fn write_lenient(&self, message: &[u8], out: &mut Vec<u8>, start: usize) -> Option<()> {
        out.reserve(message.len());
        let mut from = 0;
        for cut in &self.cuts {
            out.extend_from_slice(message.get(from..cut.start)?);
            from = cut.end;
        }
        out.extend_from_slice(message.get(from..)?);
        for &(place, octets) in &self.shorter {
            let before = self.cuts.iter().take_while(|cut| cut.end <= place).map(Range::len).sum();
            let place = place.checked_sub(before)?.checked_add(start)?;
            shorten(out.get_mut(place..)?, octets)?;
        }
        Some(())
    }
}

/// Lessens the length of the element at the start of `element`, in as many octets as it has.
fn shorten(element: &mut [u8], by: usize) -> Option<()> {
    let (form, rest) = element.get_mut(1..)?.split_first_mut()?;
    let Some(octets) = form.checked_sub(0x80) else {
        *form = u8::try_from(usize::from(*form).checked_sub(by)?).ok()?;
        return Some(());
    };
    let octets = rest.get_mut(..usize::from(octets))?;
    let length = octets.iter().try_fold(0_usize, |length, octet| length.checked_mul(256)?.checked_add((*octet).into()));
    let mut length = length?.checked_sub(by)?;
    for octet in octets.iter_mut().rev() {
        *octet = u8::try_from(length & 0xff).ok()?;
        length >>= 8;
    }
    Some(())
}
