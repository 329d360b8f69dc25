//! The engine: inputs as text become a [`Snapshot`], and a snapshot answers checks.
//!
//! It performs no I/O: no file, socket, clock, environment or log. A decision depends on one
//! snapshot and one request.

pub mod bundle;
mod candidates;
pub mod change;
pub mod check;
pub mod clauses;
pub mod compare;
pub mod compile;
pub mod duties;
mod entities;
pub mod error;
pub mod explain;
pub mod gate;
mod hash;
mod index;
pub mod json;
pub mod links;
pub mod policies;
mod request;
pub mod review;
pub mod schema;
pub mod search;
mod slice;
pub mod snapshot;
pub mod spelling;
pub mod store;
pub mod streamed;
pub mod uid;

pub use bundle::{Bundle, Digests, Text};
pub use change::Draft;
pub use check::{CheckOptions, CheckRequest, CheckResponse, Code, Decision, InvalidRequest};
pub use compile::{CompileOptions, References, Refused, RestoreError, compile, examine, restore};
pub use error::{Environment, Environments, Place, Problem, Problems, Related, Severity};
pub use review::review;
pub use snapshot::{RulesMark, Snapshot};
pub use streamed::{StreamFailure, Streamed};
