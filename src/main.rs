//! The `orderwire` command.

fn main() {}
