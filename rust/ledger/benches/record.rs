//! What a record costs: of every request when it comes, and when it has ended.
fn main() {}
