//! Precomputed messages: whole byte strings in which only the message id is written anew.
//!
//! It does not know what a directory is: every bind succeeds, every search finds as many copies of one person
//! as it asks for. The point is that asking and answering cost next to nothing beside the gateway under test: where the
//! load's core is the limit, the gateway waits for it, and is not measured at its best.

use crate::wire::{self, Id, tag};

/// One or more messages around protocol operations that stay the same.
pub struct Canned {
    operations: Vec<Vec<u8>>,
    /// The messages by how many octets their ids have, from one up.
    made: [Option<Made>; Id::OCTETS],
}

/// Messages, and where in them their ids stand.
struct Made {
    bytes: Vec<u8>,
    id_positions: Vec<usize>,
}

impl Canned {
    pub fn new(operations: Vec<Vec<u8>>) -> Self {
        Self { operations, made: Default::default() }
    }

    /// The messages, with this id. None when no message id has as many octets.
    pub fn with_id(&mut self, id: &[u8]) -> Option<&[u8]> {
        let made = self.made.get_mut(id.len().checked_sub(1)?)?;
        let made = made.get_or_insert_with(|| Made::new(&self.operations, id.len()));
        for position in &made.id_positions {
            made.bytes[*position..*position + id.len()].copy_from_slice(id);
        }
        Some(&made.bytes)
    }
}

impl Made {
    /// The messages around `operations`, for ids of `id_length` octets.
    fn new(operations: &[Vec<u8>], id_length: usize) -> Self {
        let placeholder = vec![0; id_length];
        let mut made = Self { bytes: Vec::new(), id_positions: Vec::new() };
        for operation in operations {
            let message = wire::message(&placeholder, operation);
            // The id ends where the operation begins, and the operation ends the message.
            let position = message.len() - operation.len() - id_length;
            made.id_positions.push(made.bytes.len() + position);
            made.bytes.extend_from_slice(&message);
        }
        made
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Bind,
    StartTls,
    Search { entries: u32 },
}

/// All answers given so far, which are few.
#[derive(Default)]
pub struct Answers {
    made: Vec<(Answer, Canned)>,
}

impl Answers {
    pub fn bind(&mut self, out: &mut Vec<u8>, id: &[u8]) {
        self.append(Answer::Bind, out, id);
    }

    pub fn start_tls(&mut self, out: &mut Vec<u8>, id: &[u8]) {
        self.append(Answer::StartTls, out, id);
    }

    pub fn search(&mut self, out: &mut Vec<u8>, id: &[u8], entries: u32) {
        self.append(Answer::Search { entries }, out, id);
    }

    fn append(&mut self, answer: Answer, out: &mut Vec<u8>, id: &[u8]) {
        let place = self.made.iter().position(|(known, _)| *known == answer).unwrap_or_else(|| {
            self.made.push((answer, Canned::new(operations(answer))));
            self.made.len() - 1
        });
        out.extend_from_slice(self.made[place].1.with_id(id).unwrap_or_default());
    }
}

fn operations(answer: Answer) -> Vec<Vec<u8>> {
    match answer {
        Answer::Bind => vec![wire::success(tag::BIND_RESPONSE, b"")],
        Answer::StartTls => {
            let name = wire::element(0x8a, wire::START_TLS_OID.as_bytes());
            vec![wire::success(tag::EXTENDED_RESPONSE, &name)]
        }
        Answer::Search { entries } => {
            (0..entries).map(wire::search_entry).chain([wire::success(tag::SEARCH_DONE, b"")]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_an_answer_carries_the_asked_id() {
        let mut answers = Answers::default();
        for id in [1_u32, 200, 70_000, 0x7fff_ffff] {
            let mut out = Vec::new();
            answers.search(&mut out, &Id::of(id), 3);
            let mut operations = Vec::new();
            let mut rest = out.as_slice();
            while let Some(head) = wire::peek(rest).unwrap() {
                assert_eq!(head.message_id(), id);
                operations.push(head.operation);
                rest = &rest[head.length..];
            }
            assert_eq!(operations, [tag::SEARCH_ENTRY, tag::SEARCH_ENTRY, tag::SEARCH_ENTRY, tag::SEARCH_DONE]);
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn results_read_as_success() {
        let mut answers = Answers::default();
        let mut out = Vec::new();
        answers.bind(&mut out, &[1]);
        answers.start_tls(&mut out, &[1]);
        let bind = wire::peek(&out).unwrap().unwrap();
        assert_eq!((bind.operation, bind.result_code()), (tag::BIND_RESPONSE, Some(0)));
        let start_tls = wire::peek(&out[bind.length..]).unwrap().unwrap();
        assert_eq!((start_tls.operation, start_tls.result_code()), (tag::EXTENDED_RESPONSE, Some(0)));
    }
}
