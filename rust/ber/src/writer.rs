//! A writer of elements with definite, minimal lengths, appended to a `Vec<u8>`.
//!
//! It knows no grammar. The length of a constructed element is known only when its content is: one octet is kept for
//! it, and those that need more are widened together at the end, in one pass from the back. So the cost is linear
//! however deep the content nests.

use crate::tag;

/// A constructed element whose content is being written.
///
/// Given by [`Writer::begin`], taken back by [`Writer::end`], innermost first.
#[derive(Debug)]
#[must_use = "an element that is begun must be ended"]
pub struct Constructed {
    /// Where its one kept length octet stands.
    position: usize,
    /// Its place among the pending lengths.
    slot: usize,
    /// How much was to be widened before it.
    growth_before: usize,
}

/// A length that did not fit the one octet kept for it.
#[derive(Debug, Clone, Copy)]
struct Pending {
    position: usize,
    length: usize,
}

/// Appends elements to a vector.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    pending: Vec<Pending>,
    growth: usize,
}

impl<'a> Writer<'a> {
    /// Appends to `out` what `content` writes.
    pub fn append(out: &'a mut Vec<u8>, content: impl FnOnce(&mut Writer<'_>)) {
        let mut writer = Self { out, pending: Vec::new(), growth: 0 };
        content(&mut writer);
        writer.widen();
    }

    /// A constructed element with what `content` writes in it.
    pub fn sequence(&mut self, tag: u8, content: impl FnOnce(&mut Self)) {
        let element = self.begin(tag);
        content(self);
        self.end(element);
    }

    /// Begins a constructed element, where a closure does not fit.
    pub fn begin(&mut self, tag: u8) -> Constructed {
        self.out.extend_from_slice(&[tag, 0]);
        let position = self.out.len().saturating_sub(1);
        let slot = self.pending.len();
        self.pending.push(Pending { position, length: 0 });
        Constructed { position, slot, growth_before: self.growth }
    }

    /// Ends the innermost element that was begun.
    #[expect(clippy::needless_pass_by_value, reason = "an element that is ended is gone")]
    pub fn end(&mut self, element: Constructed) {
        let Constructed { position, slot, growth_before } = element;
        let written = self.out.len().saturating_sub(position).saturating_sub(1);
        let length = written.saturating_add(self.growth.saturating_sub(growth_before));
        let extra = length_octets(length).saturating_sub(1);
        if let Some(pending) = self.pending.get_mut(slot) {
            pending.length = length;
        }
        if extra > 0 {
            self.growth = self.growth.saturating_add(extra);
            return;
        }
        if let Some(octet) = self.out.get_mut(position) {
            *octet = u8::try_from(length).unwrap_or(u8::MAX);
        }
        // A short element holds no long one, so nothing pends behind its slot.
        self.pending.truncate(slot);
    }

    /// A primitive element.
    pub fn octet_string(&mut self, tag: u8, content: &[u8]) {
        self.out.push(tag);
        let (octets, width) = encode_length(content.len());
        self.out.extend_from_slice(octets.get(..width).unwrap_or_default());
        self.out.extend_from_slice(content);
    }

    /// An INTEGER in as few octets as it needs.
    pub fn integer(&mut self, value: i64) {
        self.integer_tagged(tag::INTEGER, value);
    }

    /// An ENUMERATED in as few octets as it needs.
    pub fn enumerated(&mut self, value: i64) {
        self.integer_tagged(tag::ENUMERATED, value);
    }

    /// An INTEGER under an implicit tag.
    pub fn integer_tagged(&mut self, tag: u8, value: i64) {
        let octets = value.to_be_bytes();
        let mut content = octets.as_slice();
        // X.690 section 8.3.2: the first nine bits must not be all alike.
        while let [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] = content {
            content = content.split_first().map_or(content, |(_, rest)| rest);
        }
        self.octet_string(tag, content);
    }

    /// A BOOLEAN; true is 0xff (RFC 4511 section 5.1).
    pub fn boolean(&mut self, value: bool) {
        self.boolean_tagged(tag::BOOLEAN, value);
    }

    /// A BOOLEAN under an implicit tag.
    pub fn boolean_tagged(&mut self, tag: u8, value: bool) {
        self.octet_string(tag, &[if value { 0xff } else { 0x00 }]);
    }

    /// Elements that are encoded already.
    pub fn raw(&mut self, elements: &[u8]) {
        self.out.extend_from_slice(elements);
    }

    /// Gives every pending length its octets, moving each stretch of content once, the last one first.
    fn widen(self) {
        let mut end = self.out.len();
        let mut shift = self.growth;
        self.out.resize(end.saturating_add(shift), 0);
        for Pending { position, length } in self.pending.into_iter().rev() {
            let (octets, width) = encode_length(length);
            let extra = width.saturating_sub(1);
            if extra == 0 {
                continue; // Its octet is written, and moves with the stretch around it.
            }
            let start = position.saturating_add(1);
            self.out.copy_within(start..end, start.saturating_add(shift));
            shift = shift.saturating_sub(extra);
            let target = position.saturating_add(shift);
            if let Some(place) = self.out.get_mut(target..target.saturating_add(width)) {
                place.copy_from_slice(octets.get(..width).unwrap_or_default());
            }
            end = position;
        }
    }
}

/// How many octets the length field of `length` octets of content has.
fn length_octets(length: usize) -> usize {
    match length {
        0..=0x7f => 1,
        0x80..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xff_ffff => 4,
        _ => 5,
    }
}

/// The minimal length field of `length` octets of content, and how many of the octets given it has.
///
/// Nothing that is built here comes near 4 GiB, where four length octets end.
fn encode_length(length: usize) -> ([u8; 5], usize) {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let width = length_octets(length);
    let octets = match width {
        1 => [d, 0, 0, 0, 0],
        2 => [0x81, d, 0, 0, 0],
        3 => [0x82, c, d, 0, 0],
        4 => [0x83, b, c, d, 0],
        _ => [0x84, a, b, c, d],
    };
    (octets, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{Reader, integer_value};

    fn written(content: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut out = vec![0xee];
        Writer::append(&mut out, content);
        assert_eq!(out.remove(0), 0xee, "what was in the vector stays");
        out
    }

    #[test]
    fn writes_primitive_elements_minimally() {
        assert_eq!(written(|w| w.integer(0)), [0x02, 0x01, 0x00]);
        assert_eq!(written(|w| w.integer(127)), [0x02, 0x01, 0x7f]);
        assert_eq!(written(|w| w.integer(128)), [0x02, 0x02, 0x00, 0x80]);
        assert_eq!(written(|w| w.integer(-129)), [0x02, 0x02, 0xff, 0x7f]);
        assert_eq!(written(|w| w.enumerated(-1)), [0x0a, 0x01, 0xff]);
        assert_eq!(written(|w| w.boolean(true)), [0x01, 0x01, 0xff]);
        assert_eq!(written(|w| w.octet_string(0x04, b"a")), [0x04, 0x01, b'a']);
    }

    #[test]
    fn integers_come_back() {
        for value in [0, 1, -1, 127, 128, 255, 256, 32_767, 32_768, -32_768, -32_769, 2_147_483_647, -2_147_483_648] {
            let bytes = written(|w| w.integer(value));
            assert_eq!(integer_value("n", 0, &bytes[2..]), Ok(value));
        }
    }

    #[test]
    fn widens_nested_lengths_wherever_they_cross_a_boundary() {
        for size in [0, 1, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 250, 253, 255, 256, 65_530, 65_536] {
            let value = vec![b'x'; size];
            let bytes = written(|w| {
                w.sequence(0x30, |w| {
                    w.integer(1);
                    w.sequence(0x31, |w| w.sequence(0x30, |w| w.octet_string(0x04, &value)));
                    w.sequence(0x32, |w| w.boolean(false));
                    w.sequence(0x33, |w| w.octet_string(0x04, &value));
                });
            });
            let mut all = Reader::new(&bytes);
            let mut outer = all.read_reader("outer", 0x30).unwrap();
            all.finish("all").unwrap();
            assert_eq!(outer.integer("n", 1..=1), Ok(1));
            let mut inner = outer.read_reader("a", 0x31).unwrap().read_reader("b", 0x30).unwrap();
            assert_eq!(inner.octet_string("c"), Ok(&value[..]));
            inner.finish("b").unwrap();
            assert_eq!(outer.read("d", 0x32), Ok(&[1, 1, 0][..]));
            assert_eq!(outer.read_reader("e", 0x33).unwrap().octet_string("f"), Ok(&value[..]));
            outer.finish("outer").unwrap();
        }
    }

    #[test]
    fn deep_nesting_is_written_in_one_pass() {
        let bytes = written(|w| {
            let open: Vec<_> = (0..20_000).map(|_| w.begin(0x30)).collect();
            w.boolean(true);
            open.into_iter().rev().for_each(|element| w.end(element));
        });
        let mut reader = Reader::new(&bytes);
        for _ in 0..20_000 {
            let inner = reader.read_reader("level", 0x30).unwrap();
            reader.finish("level").unwrap();
            reader = inner;
        }
        assert_eq!(reader.boolean("flag"), Ok(true));
    }
}
