//! Measures Orderwire's socket fan-out.

fn main() {}
