//! The preparation of text for comparison by RFC 4518, as caseIgnoreMatch (RFC 4517 section 4.2.11) has it.
//!
//! Steps: map (section 2.2, with case folding), normalise by NFKC (2.3), refuse what is prohibited (2.4), fold
//! insignificant spaces (2.6.1). Where the RFC maps a character to nothing, this refuses: servers are known to keep
//! such characters, and a value that is one thing here and another there must not be decided on. The same goes for
//! code points that Unicode 3.2, the version of the RFC, does not assign. Which attributes compare otherwise is not
//! known here.

use stringprep::tables;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Why text cannot be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// A character that RFC 4518 maps to nothing and servers may keep.
    #[error("character that is ignored in comparisons: U+{:04X}", u32::from(*.0))]
    Ignored(char),
    /// A character that may not stand in compared text (RFC 4518 section 2.4).
    #[error("prohibited character: U+{:04X}", u32::from(*.0))]
    Prohibited(char),
    /// A code point that Unicode 3.2 does not assign (RFC 4518 section 2.4).
    #[error("unassigned character: U+{:04X}", u32::from(*.0))]
    Unassigned(char),
}

/// `text` in the form in which two values are equal octet for octet if they match.
///
/// Leading and trailing spaces are gone and inner ones single, where the RFC writes one and two: the same classes.
pub fn prepare(text: &str) -> Result<String, PrepareError> {
    if text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return Ok(fold_spaces(text.bytes().map(|octet| char::from(octet.to_ascii_lowercase()))));
    }
    let mut mapped = String::with_capacity(text.len());
    for character in text.chars() {
        check(character)?;
        if is_space(character) {
            mapped.push(' ');
        } else {
            mapped.extend(tables::case_fold_for_nfkc(character));
        }
    }
    let normalised: String = mapped.nfkc().collect();
    normalised.chars().try_for_each(check)?;
    Ok(fold_spaces(normalised.chars()))
}

fn check(character: char) -> Result<(), PrepareError> {
    if is_ignored(character) {
        Err(PrepareError::Ignored(character))
    } else if tables::private_use(character)
        || tables::non_character_code_point(character)
        || tables::change_display_properties_or_deprecated(character)
        || character == char::REPLACEMENT_CHARACTER
    {
        Err(PrepareError::Prohibited(character))
    } else if tables::unassigned_code_point(character) {
        Err(PrepareError::Unassigned(character))
    } else {
        Ok(())
    }
}

/// What RFC 4518 section 2.2 maps to nothing.
fn is_ignored(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{8}'
        | '\u{e}'..='\u{1f}'
        | '\u{7f}'..='\u{84}'
        | '\u{86}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{1806}'
        | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2063}'
        | '\u{206a}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffc}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}')
}

/// What RFC 4518 section 2.2 maps to SPACE.
fn is_space(character: char) -> bool {
    matches!(character,
        '\u{9}'..='\u{d}'
        | ' '
        | '\u{85}'
        | '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'..='\u{2029}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}')
}

/// Drops spaces at both ends and folds the others. A space that carries a combining mark is none (section 2.6).
fn fold_spaces(characters: impl Iterator<Item = char>) -> String {
    let mut folded = String::with_capacity(characters.size_hint().0);
    let mut spaces = 0_usize;
    for character in characters {
        if character == ' ' {
            spaces = spaces.saturating_add(1);
            continue;
        }
        let carrier = spaces > 0 && is_combining_mark(character);
        let insignificant = if carrier { spaces.saturating_sub(1) } else { spaces };
        if insignificant > 0 && !folded.is_empty() {
            folded.push(' ');
        }
        if carrier {
            folded.push(' ');
        }
        folded.push(character);
        spaces = 0;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_spaces_and_compatibility_forms_do_not_tell_values_apart() {
        for (text, prepared) in [
            ("", ""),
            ("   ", ""),
            ("  Alice   B. ", "alice b."),
            ("Stra\u{df}e", "strasse"),
            ("\u{212b}ngstrom", "\u{e5}ngstrom"),
            ("A\u{30a}ngstrom", "\u{e5}ngstrom"),
            ("\u{ff21}\u{3000}\u{a0}b", "a b"),
            ("tab\tand\r\nlines", "tab and lines"),
            ("\u{130}", "i\u{307}"),
            ("\u{1d400}", "a"),
            ("a  \u{308}b", "a  \u{308}b"),
            (" \u{308}", " \u{308}"),
        ] {
            assert_eq!(prepare(text).as_deref(), Ok(prepared), "{text:?}");
            assert_eq!(prepare(prepared).as_deref(), Ok(prepared), "{text:?}");
        }
    }

    #[test]
    fn refuses_what_servers_do_not_agree_on() {
        for (text, error) in [
            ("a\u{ad}b", PrepareError::Ignored('\u{ad}')),
            ("a\0", PrepareError::Ignored('\0')),
            ("\u{200b}", PrepareError::Ignored('\u{200b}')),
            ("\u{e000}", PrepareError::Prohibited('\u{e000}')),
            ("\u{fffd}", PrepareError::Prohibited('\u{fffd}')),
            ("\u{1f600}", PrepareError::Unassigned('\u{1f600}')),
        ] {
            assert_eq!(prepare(text), Err(error));
        }
        assert_eq!(PrepareError::Ignored('\0').to_string(), "character that is ignored in comparisons: U+0000");
    }
}
