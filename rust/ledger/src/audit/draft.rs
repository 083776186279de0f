//! Fields of a part of a record, written in one format within a number of octets.
//!
//! It does not know what is told of whom: [`super::request`], [`super::client`] and [`super::end`] do.

use super::fields::{Field, Keys, quote};
use super::spec::Format;
use super::text::{Style, Text};

/// Room that a text leaves for each text that may follow it in the same part: whoever fills one field cannot push the
/// others out of the record.
const RESERVED: usize = 200;

/// Octets that the text of a name of ours has at most.
pub(super) const SHORT: usize = 96;

/// How a record is written.
pub(super) struct Form {
    pub(super) format: Format,
    pub(super) keys: Keys,
}

impl Form {
    pub(super) fn new(format: Format) -> Self {
        Self { format, keys: Keys::new(format) }
    }

    fn style(&self) -> Style {
        if self.format == Format::Cef { Style::Cef } else { Style::Json }
    }

    /// What ends a text.
    fn quote(&self) -> &'static [u8] {
        quote(self.format).as_bytes()
    }
}

/// A part of a record while it is written.
pub(super) struct Draft<'a> {
    form: &'a Form,
    out: &'a mut Vec<u8>,
    /// What `out` never gets longer than.
    end: usize,
    /// Whether something had to be cut.
    pub(super) is_cut: bool,
}

impl<'a> Draft<'a> {
    /// A part at the end of `out`, of at most `room` octets.
    pub(super) fn new(form: &'a Form, out: &'a mut Vec<u8>, room: usize) -> Self {
        let end = out.len().saturating_add(room);
        Self { form, out, end, is_cut: false }
    }

    /// The format.
    #[inline]
    pub(super) fn format(&self) -> Format {
        self.form.format
    }

    /// Octets as they are.
    #[inline]
    pub(super) fn raw(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    #[inline]
    fn key(&mut self, field: Field) {
        self.out.extend_from_slice(self.form.keys.of(field));
    }

    /// The first field of a record: what parts it from the one before is left out.
    pub(super) fn first(&mut self, field: Field, value: &[u8]) {
        let key = self.form.keys.of(field).get(1..).unwrap_or_default();
        self.out.extend_from_slice(key);
        self.raw(value);
    }

    /// A word of ours, which needs no escapes.
    #[inline]
    pub(super) fn word(&mut self, field: Field, word: &str) {
        self.out.extend_from_slice(self.form.keys.of_text(field));
        self.raw(word.as_bytes());
        self.raw(self.form.quote());
    }

    /// A value that is written as it is: a number, a truth, or a list of ours.
    #[inline]
    pub(super) fn bare(&mut self, field: Field, value: &[u8]) {
        self.key(field);
        self.raw(value);
    }

    /// A number.
    #[inline]
    pub(super) fn number(&mut self, field: Field, number: u64) {
        self.key(field);
        push_number(self.out, number);
    }

    /// A number of nanoseconds as seconds with six digits behind the point.
    pub(super) fn seconds(&mut self, field: Field, nanoseconds: u64) {
        self.key(field);
        push_number(self.out, nanoseconds / 1_000_000_000);
        self.out.push(b'.');
        let start = self.out.len();
        // A leading one keeps the zeros behind the point.
        push_number(self.out, (nanoseconds % 1_000_000_000 / 1_000).saturating_add(1_000_000));
        if let Some(one) = self.out.get_mut(start..)
            && let Some(digits) = one.len().checked_sub(1)
        {
            one.copy_within(1.., 0);
            self.out.truncate(start.saturating_add(digits));
        }
    }

    /// A name that is hardly ever long: of the configuration, or of what was negotiated.
    pub(super) fn short(&mut self, field: Field, name: &str) {
        self.write(field, SHORT, |text| text.push(name.as_bytes()));
    }

    /// A text of somebody else's, of which `behind` more may follow in this part, written piece by piece.
    pub(super) fn text(&mut self, field: Field, behind: usize, write: impl FnOnce(&mut Text<'_>)) {
        let around = self.form.keys.of(field).len().saturating_add(2);
        let room = self.room(behind).saturating_sub(around);
        self.write(field, room, write);
    }

    fn write(&mut self, field: Field, room: usize, write: impl FnOnce(&mut Text<'_>)) {
        self.out.extend_from_slice(self.form.keys.of_text(field));
        let mut text = Text::new(self.out, self.form.style(), room);
        write(&mut text);
        self.is_cut |= text.is_cut();
        self.raw(self.form.quote());
        debug_assert!(self.out.len() <= self.end);
    }

    /// A list of texts, each what stands before it and what somebody else sent; nothing if there is none.
    pub(super) fn list<'t>(
        &mut self,
        field: Field,
        behind: usize,
        items: impl IntoIterator<Item = (&'static str, &'t [u8])>,
    ) {
        let mut items = items.into_iter();
        let Some(first) = items.next() else { return };
        let (open, between, close): (_, &[u8], &[u8]) = match self.form.format {
            Format::Cef => ("", b",", b""),
            Format::Json | Format::Ecs => ("[\"", b"\",\"", b"\"]"),
        };
        self.key(field);
        self.raw(open.as_bytes());
        let mut left = self.room(behind).saturating_sub(close.len());
        let mut item = Some(first);
        while let Some((before, octets)) = item {
            let start = self.out.len();
            item = items.next();
            // Room for the next one, and for the sign that there were more.
            let kept = if item.is_some() { between.len().saturating_add(LEAST) } else { 0 };
            let is_cut = self.item(before, octets, left.saturating_sub(kept));
            left = left.saturating_sub(self.out.len().saturating_sub(start));
            if item.is_some() {
                self.raw(between);
                left = left.saturating_sub(between.len());
            }
            self.is_cut |= is_cut;
            if item.is_some() && left < LEAST.saturating_mul(2).saturating_add(between.len()) {
                self.raw(b"...");
                self.is_cut = true;
                break;
            }
        }
        self.raw(close);
        debug_assert!(self.out.len() <= self.end);
    }

    fn item(&mut self, before: &str, octets: &[u8], room: usize) -> bool {
        let mut text = Text::new(self.out, self.form.style(), room);
        text.push(before.as_bytes());
        text.push(octets);
        text.is_cut()
    }

    /// How long the record is so far.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// What of it was written from there on.
    pub(super) fn since(&self, start: usize) -> &[u8] {
        self.out.get(start..).unwrap_or_default()
    }

    /// How many octets a text may have of which `behind` more may follow.
    #[inline]
    pub(super) fn room(&self, behind: usize) -> usize {
        self.end.saturating_sub(self.out.len()).saturating_sub(behind.saturating_mul(RESERVED))
    }
}

/// What an item of a list has room for at least.
const LEAST: usize = 3;

/// A number in decimal digits.
#[inline]
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut length = 0_usize;
    for place in digits.iter_mut().rev() {
        *place = b'0'.saturating_add(u8::try_from(number % 10).unwrap_or_default());
        length = length.saturating_add(1);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len().saturating_sub(length)..).unwrap_or_default());
}
