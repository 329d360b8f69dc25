//! doorward: an authorization sidecar. It holds Cedar policies and an entity snapshot in memory
//! and answers allow or deny.
//!
//! In reading order: [`engine`] (pure: bundle to snapshot, request to decision), [`pdp`] (the one
//! door to a decision, and the publisher, the only writer), [`revisions`] (what is durable),
//! [`sources`] (where bundles come from), [`mapping`] (pure: a proxied request to checks), [`yaml`]
//! (pure: what people write, with its places), [`policy_test`] (pure: a suite of tests to what came
//! out), [`analysis`] (pure: what a change gives and takes), [`identity`] (who sends
//! a request), [`http`] (endpoints) on [`server`] (connections),
//! [`config`] (what is switched on), [`cli`] (commands). `ARCHITECTURE.md` draws the walls between
//! them.

pub mod analysis;
pub mod cli;
pub mod config;
pub mod engine;
pub mod http;
pub mod identity;
pub mod mapping;
pub mod pdp;
pub mod policy_test;
pub mod revisions;
pub mod server;
pub mod sources;
pub mod yaml;
