//! Octets of strangers as text of a record: escaped, and cut where there is no more room.
//!
//! Octets that are no UTF-8 are shown as `\` and two hexadecimal digits, which is how DNs and filters write them. A
//! cut is made between characters, never inside an escape, and shows as `...`. What a field means is not known here.

/// What shows that something is cut.
const ELLIPSIS: &[u8] = b"...";

/// How characters that mean something to a reader are kept from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Inside a string of JSON (RFC 8259 section 7).
    Json,
    /// Inside a value of a CEF extension, where equals signs and backslashes have one before them.
    Cef,
}

impl Style {
    /// Whether an octet is a character that stands for itself.
    #[inline]
    fn is_plain(self, octet: u8) -> bool {
        match self {
            Self::Json => matches!(octet, b' '..=b'~') && octet != b'"' && octet != b'\\',
            Self::Cef => matches!(octet, b' '..=b'~') && octet != b'=' && octet != b'\\',
        }
    }

    /// Whether all are, which is nearly always so. None ends the search early: many are looked at together.
    #[inline]
    fn are_plain(self, octets: &[u8]) -> bool {
        let all = |is_plain: fn(u8) -> bool| octets.iter().fold(true, |all, octet| all & is_plain(*octet));
        match self {
            Self::Json => all(|octet| Self::Json.is_plain(octet)),
            Self::Cef => all(|octet| Self::Cef.is_plain(octet)),
        }
    }
}

/// A text while it is written.
pub(super) struct Text<'a> {
    out: &'a mut Vec<u8>,
    style: Style,
    /// What `out` never gets longer than.
    end: usize,
    /// The last place where a cut may be made and shown.
    mark: usize,
    is_cut: bool,
}

impl<'a> Text<'a> {
    /// A text at the end of `out`, in at most `room` octets, but never less than a cut needs.
    #[inline]
    pub(super) fn new(out: &'a mut Vec<u8>, style: Style, room: usize) -> Self {
        let mark = out.len();
        let end = mark.saturating_add(room.max(ELLIPSIS.len()));
        Self { out, style, end, mark, is_cut: false }
    }

    /// Whether it had to be cut; nothing more is written then.
    #[inline]
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How many octets it may still have.
    pub(super) fn room(&self) -> usize {
        self.end.saturating_sub(self.out.len())
    }

    /// Adds what we say ourselves, which JSON needs no escapes for.
    #[inline]
    pub(super) fn own(&mut self, words: &'static str) {
        match self.style {
            Style::Json if !self.is_cut => self.push_run(words.as_bytes()),
            _ => self.push(words.as_bytes()),
        }
    }

    /// Adds what strangers sent.
    #[inline]
    pub(super) fn push(&mut self, octets: &[u8]) {
        if self.is_cut {
            return;
        }
        if self.style.are_plain(octets) {
            self.push_run(octets);
        } else {
            self.push_escaped(octets);
        }
    }

    fn push_escaped(&mut self, mut octets: &[u8]) {
        while !self.is_cut {
            let plain = octets.iter().position(|octet| !self.style.is_plain(*octet)).unwrap_or(octets.len());
            let Some((run, rest)) = octets.split_at_checked(plain) else { return };
            self.push_run(run);
            let Some(first) = rest.first() else { return };
            let length = self.push_special(*first, rest);
            octets = rest.get(length..).unwrap_or_default();
        }
    }

    /// Adds characters that are ASCII and stand for themselves.
    #[inline]
    fn push_run(&mut self, run: &[u8]) {
        let start = self.out.len();
        let room = self.room();
        let fits = run.len() <= room;
        self.out.extend_from_slice(if fits { run } else { run.get(..room).unwrap_or_default() });
        self.advance(start);
        if !fits {
            self.cut();
        }
    }

    /// Adds the character that begins with `first`, which does not stand for itself; how many octets it had.
    fn push_special(&mut self, first: u8, octets: &[u8]) -> usize {
        let Some((character, encoded)) = first_character(octets) else {
            self.push_octets(&[first]);
            return 1;
        };
        match self.style {
            Style::Json if matches!(character, '"' | '\\') => self.push_whole(&[b'\\', first]),
            Style::Json if is_invisible(character) => self.push_code_units(character),
            Style::Cef if matches!(character, '=' | '\\') => self.push_whole(&[b'\\', first]),
            Style::Cef if character == '\n' => self.push_whole(b"\\n"),
            Style::Cef if character == '\r' => self.push_whole(b"\\r"),
            Style::Cef if is_invisible(character) => self.push_octets(encoded),
            _ => self.push_whole(encoded),
        }
        encoded.len()
    }

    /// Adds octets as `\` and two digits each; both formats escape the backslash with another one.
    fn push_octets(&mut self, octets: &[u8]) {
        for octet in octets {
            let [high, low] = hexadecimal(*octet);
            self.push_whole(&[b'\\', b'\\', high, low]);
        }
    }

    /// Adds a character as JSON's `\u` and four digits; none that is invisible needs two of them.
    fn push_code_units(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            let [first, second] = unit.to_be_bytes();
            let ([a, b], [c, d]) = (hexadecimal(first), hexadecimal(second));
            self.push_whole(&[b'\\', b'u', a, b, c, d]);
        }
    }

    /// Adds what must not be torn.
    fn push_whole(&mut self, octets: &[u8]) {
        if self.is_cut {
            return;
        }
        if octets.len() > self.room() {
            return self.cut();
        }
        let start = self.out.len();
        self.out.extend_from_slice(octets);
        // Not within it.
        if self.last_mark() >= self.out.len() {
            self.advance(start);
        }
    }

    /// The last place at which there is room for the sign of a cut.
    fn last_mark(&self) -> usize {
        self.end.saturating_sub(ELLIPSIS.len())
    }

    /// Moves the mark into what was written from `start` on, as far as it may go.
    #[inline]
    fn advance(&mut self, start: usize) {
        let mark = self.out.len().min(self.last_mark());
        if mark >= start {
            self.mark = mark;
        }
    }

    /// Nothing more fits.
    pub(super) fn cut(&mut self) {
        if !self.is_cut {
            self.out.truncate(self.mark);
            self.out.extend_from_slice(ELLIPSIS);
            self.is_cut = true;
        }
    }
}

/// The first character of `octets`, if they begin with one, and its octets.
fn first_character(octets: &[u8]) -> Option<(char, &[u8])> {
    let width = match octets.first()? {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let encoded = octets.get(..width)?;
    Some((core::str::from_utf8(encoded).ok()?.chars().next()?, encoded))
}

/// Whether a character is a control, or turns the direction of writing or joins lines: a reader of the record on a
/// terminal would be shown something else than what it says.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn hexadecimal(octet: u8) -> [u8; 2] {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0'.saturating_add(nibble),
        _ => b'a'.saturating_add(nibble).saturating_sub(10),
    };
    [digit(octet >> 4), digit(octet & 0xf)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;
    use proptest::prelude::*;

    fn written(style: Style, octets: &[u8], room: usize) -> (String, bool) {
        let mut out = Vec::new();
        let mut text = Text::new(&mut out, style, room);
        text.push(octets);
        let is_cut = text.is_cut();
        (String::from_utf8(out).unwrap(), is_cut)
    }

    /// What a text reads as: octets that are no UTF-8 are shown by their digits.
    fn meant(octets: &[u8]) -> String {
        let mut meant = String::new();
        for chunk in octets.utf8_chunks() {
            meant.push_str(chunk.valid());
            for octet in chunk.invalid() {
                write!(meant, "\\{octet:02x}").unwrap();
            }
        }
        meant
    }

    #[test]
    fn escapes_are_those_of_the_format() {
        for (octets, json, cef) in [
            (&b"cn=a"[..], "cn=a", "cn\\=a"),
            (b"a\"b\\c", "a\\\"b\\\\c", "a\"b\\\\c"),
            (b"a\nb\rc\x00\x7f", "a\\u000ab\\u000dc\\u0000\\u007f", "a\\nb\\rc\\\\00\\\\7f"),
            ("gr\u{fc}n \u{1f511}".as_bytes(), "gr\u{fc}n \u{1f511}", "gr\u{fc}n \u{1f511}"),
            ("\u{9b}\u{202e}".as_bytes(), "\\u009b\\u202e", "\\\\c2\\\\9b\\\\e2\\\\80\\\\ae"),
            (b"a\xffb\xe2\x80", "a\\\\ffb\\\\e2\\\\80", "a\\\\ffb\\\\e2\\\\80"),
            (b"a|b", "a|b", "a|b"),
        ] {
            assert_eq!(written(Style::Json, octets, 99).0, json);
            assert_eq!(written(Style::Cef, octets, 99).0, cef);
        }
    }

    #[test]
    fn a_cut_is_between_characters() {
        for (octets, room, expected) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abc..."),
            ("ab\u{fc}defg", 6, "ab..."),
            ("a\u{fc}defgh", 6, "a\u{fc}..."),
            ("\n\n", 8, "..."),
            ("ab\n", 7, "ab..."),
            ("abcd\u{1f511}x", 8, "abcd..."),
            ("abc", 0, "abc"),
            ("abcd", 0, "..."),
        ] {
            let (text, is_cut) = written(Style::Json, octets.as_bytes(), room);
            assert_eq!((text.as_str(), is_cut), (expected, expected != octets));
        }
    }

    proptest! {
        #[test]
        fn json_reads_as_what_was_sent(octets: Vec<u8>) {
            let (text, is_cut) = written(Style::Json, &octets, usize::MAX);
            prop_assert!(!is_cut && text.chars().all(|character| !is_invisible(character)));
            let quoted = format!("\"{text}\"");
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), meant(&octets));
        }

        #[test]
        fn cef_ends_where_it_should(octets: Vec<u8>) {
            let (text, _) = written(Style::Cef, &octets, usize::MAX);
            prop_assert!(text.chars().all(|character| !is_invisible(character)));
            let bare = text.replace("\\\\", "").replace("\\=", "").replace("\\n", "").replace("\\r", "");
            prop_assert!(!bare.contains(['\\', '=']));
        }

        #[test]
        fn no_room_is_exceeded_in_pieces_either(pieces: Vec<Vec<u8>>, text in "\\PC*", room in 3_usize..80) {
            for style in [Style::Json, Style::Cef] {
                let mut out = b"before".to_vec();
                let mut whole = Text::new(&mut out, style, room);
                whole.push(text.as_bytes());
                for piece in &pieces {
                    whole.push(piece);
                }
                let is_cut = whole.is_cut();
                prop_assert!(out.len() <= 6 + room);
                let out = String::from_utf8(out).unwrap();
                prop_assert!(!is_cut || out.ends_with("..."));
                let quoted = format!("\"{out}\"");
                prop_assert!(style == Style::Cef || serde_json::from_str::<String>(&quoted).is_ok());
            }
        }
    }
}
