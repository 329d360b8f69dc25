//! doorward behind real proxies: nginx, HAProxy, Traefik, Caddy and Envoy run with the very files of
//! `docs/proxies`, a platform behind them writes down what reaches it, and clients send byte for
//! byte what no proper client would. What is missing of the proxies is installed first.

#![cfg(test)]

mod child;
mod client;
mod failing;
mod headers;
mod identity;
mod install;
mod page;
mod passing;
mod paths;
mod platform;
mod probe;
mod relay;
mod service;
mod tutorial;
mod world;
