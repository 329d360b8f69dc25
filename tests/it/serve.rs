//! `doorward serve` from start to stop: what it starts from, what changes while it runs, what
//! nobody can do to it.

mod bundle;
mod crash;
mod disk;
mod expiring;
mod full_reload;
mod hostile;
mod journal;
mod lifecycle;
mod metrics;
mod openapi;
mod over_time;
mod race;
mod rejected;
mod reload;
mod revisions;
mod search;
mod start;
mod steady_state;
mod stream;
mod streamed_search;
mod tokens;
mod watching;
mod whole;
