//! Commands, each test with the whole output: exit code, standard output, standard error.

mod check;
mod config;
mod demo;
mod explain;
mod format;
mod health;
mod import;
mod init;
mod log;
mod search;
mod usage;
mod validate;
mod why;
