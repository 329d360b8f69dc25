//! Policy tests: a suite as its file says it, the cases that become of it in a world of policies
//! and entities, and what comes out.
//!
//! [`Suite`] is a file, read; [`World`] is what its tests meet: a snapshot, compiled as the service
//! compiles it, and a route map. [`Test::cases`] holds a test against a world, and [`Case::run`]
//! decides. All are functions of their arguments: files, threads and clocks are the command's.

mod answer;
mod bind;
mod case;
mod cedar_json;
mod compare;
pub mod coverage;
mod file;
mod http;
mod mutation;
mod reasons;
mod suite;
mod world;

pub use answer::{Answer, Verdict};
pub use case::{Case, Outcome};
pub use cedar_json::is_cedar_json;
pub use compare::Mismatch;
pub use mutation::{Mutant, mutants};
pub use suite::{Accepted, AcceptedClause, Fixture, Suite, Test};
pub use world::{Asker, Identify, Routes, World};

/// The most bytes of a suite's file.
pub const FILE_BYTES_MAX: usize = 8 << 20;
/// The most tests of a file.
pub const TESTS_MAX: usize = 20_000;
/// The most cells of a matrix.
pub const CELLS_MAX: usize = 200_000;
/// The most characters of a test's name.
pub const NAME_CHARS_MAX: usize = 300;

/// The code of what is wrong with a suite.
const CODE: &str = "policy-tests";

#[cfg(test)]
mod tests;
