//! Precomputed responses: whole byte strings in which only the message id is written anew.
//!
//! It does not know what a directory is: every bind succeeds, every search finds as many copies of one person
//! as it asks for. The point is that answering costs next to nothing beside the gateway under test.

use std::collections::HashMap;

use crate::wire::{self, tag};

/// One answer of one or more messages, and where in it the message ids stand.
pub struct Canned {
    bytes: Vec<u8>,
    id_positions: Vec<usize>,
}

impl Canned {
    /// The messages around `operations`, for ids of `id_length` octets.
    fn new(operations: &[Vec<u8>], id_length: usize) -> Self {
        let placeholder = vec![0; id_length];
        let mut canned = Self { bytes: Vec::new(), id_positions: Vec::new() };
        for operation in operations {
            let message = wire::message(&placeholder, operation);
            // The id ends where the operation begins, and the operation ends the message.
            let position = message.len() - operation.len() - id_length;
            canned.id_positions.push(canned.bytes.len() + position);
            canned.bytes.extend_from_slice(&message);
        }
        canned
    }

    fn append_to(&self, out: &mut Vec<u8>, id: &[u8]) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        for position in &self.id_positions {
            out[start + position..start + position + id.len()].copy_from_slice(id);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    Bind,
    StartTls,
    Search { entries: u32 },
}

/// All answers given so far, by what they answer and how long their message id is.
#[derive(Default)]
pub struct Answers {
    made: HashMap<(Answer, usize), Canned>,
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
        self.made
            .entry((answer, id.len()))
            .or_insert_with(|| Canned::new(&operations(answer), id.len()))
            .append_to(out, id);
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
            answers.search(&mut out, &wire::integer_octets(id), 3);
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
