//! Commands, each test with the whole output: exit code, standard output, standard error.

mod check;
mod config;
mod demo;
mod format;
mod health;
mod init;
mod log;
mod search;
mod usage;
mod validate;
