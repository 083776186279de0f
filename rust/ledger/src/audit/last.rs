//! Fields as they were written last, ready to be copied: most operations that follow one another have them in common.
//!
//! What they are of, and what they say, is not known here.

use super::draft::Draft;

/// Some fields, and what they are of.
#[derive(Default)]
pub(super) struct Last<K> {
    of: K,
    /// None before anything was written.
    octets: Vec<u8>,
}

impl<K> Last<K> {
    /// Copies the fields where they are of the same; otherwise writes them, and remembers them unless they are cut.
    /// `behind` is how many texts may follow them in the part.
    #[inline]
    pub(super) fn write(
        &mut self,
        draft: &mut Draft<'_>,
        behind: usize,
        is_same: impl FnOnce(&K) -> bool,
        remember: impl FnOnce(&mut K),
        write: impl FnOnce(&mut Draft<'_>),
    ) {
        if !self.octets.is_empty() && self.octets.len() <= draft.room(behind) && is_same(&self.of) {
            return draft.raw(&self.octets);
        }
        self.renew(draft, remember, write);
    }

    #[cold]
    fn renew(&mut self, draft: &mut Draft<'_>, remember: impl FnOnce(&mut K), write: impl FnOnce(&mut Draft<'_>)) {
        let was_cut = core::mem::take(&mut draft.is_cut);
        let start = draft.len();
        write(draft);
        self.octets.clear();
        if !draft.is_cut {
            remember(&mut self.of);
            self.octets.extend_from_slice(draft.since(start));
        }
        draft.is_cut |= was_cut;
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft::Form;
    use super::super::fields::Field;
    use super::super::spec::Format;
    use super::*;

    fn written(last: &mut Last<String>, of: &str, room: usize) -> (String, bool, bool) {
        let form = Form::new(Format::Json);
        let (mut out, mut is_anew) = (Vec::new(), false);
        let mut draft = Draft::new(&form, &mut out, room);
        last.write(
            &mut draft,
            0,
            |same| same == of,
            |same| of.clone_into(same),
            |draft| {
                is_anew = true;
                draft.text(Field::Base, 0, |text| text.push(of.as_bytes()));
            },
        );
        let is_cut = draft.is_cut;
        (String::from_utf8(out).unwrap(), is_anew, is_cut)
    }

    #[test]
    fn what_is_the_same_is_copied() {
        let mut last = Last::default();
        for (of, is_anew) in [("dc=a", true), ("dc=a", false), ("dc=b", true), ("dc=a", true), ("dc=a", false)] {
            let expected = format!(",\"base\":\"{of}\"");
            assert_eq!(written(&mut last, of, 99), (expected, is_anew, false));
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_anew_and_not_remembered() {
        let mut last = Last::default();
        let long = "x".repeat(50);
        assert!(!written(&mut last, &long, 99).2);
        let (cut, is_anew, is_cut) = written(&mut last, &long, 40);
        assert!(cut.ends_with("...\"") && cut.len() <= 40 && is_anew && is_cut, "{cut}");
        let (whole, is_anew, is_cut) = written(&mut last, &long, 99);
        assert!(whole.contains(&long) && is_anew && !is_cut, "{whole}");
    }

    #[test]
    fn an_empty_name_is_one() {
        let mut last = Last::default();
        for is_anew in [true, false] {
            assert_eq!(written(&mut last, "", 99), (",\"base\":\"\"".to_owned(), is_anew, false));
        }
    }
}
