//! Tests from outside: the real binary, its commands and its service, over processes and sockets.
//! Nothing here but the truth table's shortest way calls a function of the library.

#![cfg(test)]

mod agreement;
mod authors;
mod cases;
mod cli;
mod clients;
mod diagnostics;
mod examples;
mod http;
mod interop;
mod project;
mod proxy;
mod serve;
mod service;
mod session;
mod steady;
mod suites;
mod traps;
mod truth_table;
#[path = "../../benches/world.rs"]
mod world;
