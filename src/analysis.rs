//! Questions about whole snapshots, for people who are about to change one: what a change gives and
//! takes. Like the engine it performs no I/O and knows no clock; who asks says how long it may take.

pub mod diff;
