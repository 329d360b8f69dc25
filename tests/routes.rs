//! Route maps from outside: what a request is mapped to, what is refused, and what a route file is
//! told. The tutorial's snapshot decides; ThingsBoard's map is held whole by a golden file.

#![cfg(test)]

#[path = "routes/captures.rs"]
mod captures;
#[path = "routes/compile.rs"]
mod compile;
#[path = "routes/imported.rs"]
mod imported;
#[path = "routes/matching.rs"]
mod matching;
#[path = "routes/paths.rs"]
mod paths;
#[path = "routes/thingsboard.rs"]
mod thingsboard;
#[path = "routes/world.rs"]
mod world;
