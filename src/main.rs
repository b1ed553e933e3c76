//! wabacl
fn main() {}
