//! Commands, each test with the whole output: exit code, standard output, standard error.

mod check;
mod config;
mod demo;
mod diff;
mod explain;
mod format;
mod health;
mod import;
mod init;
mod log;
mod matrix;
mod mutate;
mod search;
mod test;
mod usage;
pub(crate) mod validate;
mod why;
