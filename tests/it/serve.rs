//! `doorward serve` from start to stop: what it starts from, what changes while it runs, what
//! nobody can do to it.

mod bundle;
mod crash;
mod disk;
mod hostile;
mod journal;
mod lifecycle;
mod metrics;
mod over_time;
mod race;
mod reload;
mod revisions;
mod start;
mod steady_state;
