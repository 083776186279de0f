//! The canonical text of a DN (RFC 4514 section 2): parsed again, it gives the same DN.
//!
//! It is the normalised form, so its letters are lower case; it is for comparison, logs and rules, not for servers.

use core::fmt;

use ostiary_ber::Writer;

use super::{Ava, Dn, Rdn, Value};

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, &self.rdns, ",")
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, &self.avas, "+")
    }
}

impl fmt::Display for Ava {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.attribute_type)?;
        match &self.value {
            Value::Text(text) => escaped(f, text),
            Value::Element(tag, content) => {
                let mut element = Vec::new();
                Writer::append(&mut element, |writer| writer.octet_string(*tag, content));
                f.write_str("#")?;
                element.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

fn separated(f: &mut fmt::Formatter<'_>, parts: &[impl fmt::Display], separator: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(separator)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

/// Prepared text holds no control character, so the escapes of RFC 4514 section 2.4 for specials are all it needs.
fn escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for (place, character) in text.char_indices() {
        let at_end = place.saturating_add(1) == text.len();
        let special = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => true,
            '#' => place == 0,
            ' ' => place == 0 || at_end,
            _ => false,
        };
        if special {
            f.write_str("\\")?;
        }
        fmt::Write::write_char(f, character)?;
    }
    Ok(())
}
