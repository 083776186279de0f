//! The rules of a policy: tables of what each criterion lets through, ways around them that fail, and a slow obvious
//! model beside the real ones.

#![allow(clippy::unnecessary_wraps, clippy::ref_option, reason = "criteria and values are alike, some of them certain")]
#![allow(clippy::needless_pass_by_value, reason = "rules read best as literals in the place where they are used")]

mod denials;
mod explanations;
mod generator;
mod limits;
mod model;
mod properties;
mod respellings;
mod stage;
mod truth_tables;
mod warnings;
