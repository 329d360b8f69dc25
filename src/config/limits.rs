//! The bounds: one for everything that somebody else decides the size of. Each can be set under
//! `limits:` in `doorward.yaml`, and none can be switched off.

use serde::Deserialize;

use super::origin::{Origin, Sourced};
use super::quantity::{Bytes, Count, Time};
use crate::engine::gate;
use crate::http;
use crate::revisions::Retention;
use crate::server;
use crate::sources::FileLimits;

/// Declares the limits once: the struct that the file is read into, the struct in force with an
/// origin for each value, the defaults, and the list for `doorward config`.
macro_rules! limits {
    ($($(#[doc = $doc:expr])+ $name:ident: $kind:ty = $default:expr;)+) => {
        /// `limits:` as `doorward.yaml` gives it.
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct LimitsInFile {
            $($(#[doc = $doc])+ pub $name: Option<$kind>,)+
        }

        /// The limits in force.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: Sourced<$kind>,)+
        }

        impl Limits {
            /// What the file says where it says something, and the defaults.
            pub fn of(file: &LimitsInFile, origin: &Origin) -> Self {
                Self {
                    $($name: match file.$name {
                        Some(value) => Sourced::new(value, origin.clone()),
                        None => Sourced::default_of($default),
                    },)+
                }
            }

            /// Each limit: its name, its value as it is written, and its origin.
            pub fn entries(&self) -> Vec<(&'static str, Written, &Origin)> {
                vec![$((
                    stringify!($name),
                    Written::from(self.$name.value),
                    &self.$name.origin,
                ),)+]
            }
        }
    };
}

/// A limit as `doorward.yaml` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A bare number.
    Number(u64),
    /// A number with its unit.
    Text(String),
}

limits! {
    /// The body of a check.
    check_bytes: Bytes = Bytes(http().check_bytes as u64);
    /// The body of a batch.
    batch_bytes: Bytes = Bytes(http().batch_bytes as u64);
    /// The items of a batch.
    batch_items: Count = Count(http().batch_items as u64);
    /// Schema and policies in files, each text of a bundle, and the body of `PUT /v1/bundle`.
    bundle_bytes: Bytes = Bytes(http().bundle_bytes as u64);
    /// Entities and links in files, and the body of `PUT /v1/entities` as a stream.
    entities_bytes: Bytes = Bytes(FileLimits::default().entities_bytes_max);
    /// The newest revisions that the data directory keeps whatever they take, to be restored.
    revisions: Count = Count(Retention::default().records_min);
    /// What older revisions may take.
    older_revisions_bytes: Bytes = Bytes(Retention::default().older_bytes_max);
    /// The tokens of one text.
    tokens: Count = Count(gate::Limits::default().tokens_max as u64);
    /// The nesting of every text: brackets, operators, JSON.
    depth: Count = Count(http().depth as u64);
    /// The requests of the data plane in progress at a time; further ones are answered 503.
    requests_in_flight: Count = Count(http().requests_in_flight as u64);
    /// The requests of the admin plane in progress at a time.
    admin_requests_in_flight: Count = Count(http().admin_requests_in_flight as u64);
    /// The bodies that the data plane holds at a time.
    bodies_bytes: Bytes = Bytes(http().bodies_bytes as u64);
    /// The bodies that the admin plane holds at a time.
    admin_bodies_bytes: Bytes = Bytes(http().admin_bodies_bytes as u64);
    /// How long the body of a check or a batch may take to arrive.
    body_timeout: Time = Time(http().body_timeout);
    /// How long the body of a bundle may take to arrive.
    bundle_timeout: Time = Time(http().bundle_timeout);
    /// How long the body of `PUT /v1/entities` as a stream may take to arrive.
    entities_timeout: Time = Time(http().entities_timeout);
    /// How long a check waits for the revision that it asks for with `at_least`.
    at_least_timeout: Time = Time(http().at_least_timeout);
    /// A page of a search.
    search_page: Count = Count(http().search_page as u64);
    /// What is looked at for a page of a search; what is left is told by a cursor.
    search_candidates: Count = Count(http().search_candidates as u64);
    /// How long is looked for a page of a search.
    search_time: Time = Time(http().search_time);
    /// The searches that are answered as streams at a time; further ones are answered 503.
    search_streams: Count = Count(http().search_streams as u64);
    /// How long a search is answered as a stream.
    stream_time: Time = Time(http().stream_time);
    /// The replaced revisions that are kept for cursors.
    cursor_revisions: Count = Count(http().cursor_revisions as u64);
    /// How long a revision is kept since a cursor of it was last given out.
    cursor_age: Time = Time(http().cursor_age);
    /// What is kept of searches for the next page, so that it need not be found again.
    cursor_candidates_bytes: Bytes = Bytes(http().cursor_candidates_bytes as u64);
    /// The connections of each listener at a time; further ones wait.
    connections: Count = Count(server().connections_max as u64);
    /// The streams of one HTTP/2 connection at a time.
    streams: Count = Count(server().streams_max.into());
    /// The request line and the headers.
    head_bytes: Bytes = Bytes(server().head_bytes as u64);
    /// From the first byte of a request to the end of its headers.
    head_timeout: Time = Time(server().head_timeout);
    /// How long a connection without a request is kept.
    idle_timeout: Time = Time(server().idle_timeout);
    /// How long what a client still sends is read after an answer that closes the connection.
    linger_timeout: Time = Time(server().linger_timeout);
    /// How much is read then.
    linger_bytes: Bytes = Bytes(server().linger_bytes);
    /// How long requests in progress may take when the service stops.
    drain_timeout: Time = Time(server().drain_timeout);
}

/// The defaults of bodies and requests, which their own module knows.
fn http() -> http::Limits {
    http::Limits::default()
}

/// The defaults of the connections, which their own module knows.
fn server() -> server::Options {
    server::Options::default()
}

impl Limits {
    /// The bounds on connections.
    pub fn server_options(&self) -> server::Options {
        server::Options {
            connections_max: size(self.connections.value.0),
            streams_max: narrow(self.streams.value.0),
            head_bytes: size(self.head_bytes.value.0),
            head_timeout: self.head_timeout.value.0,
            idle_timeout: self.idle_timeout.value.0,
            linger_timeout: self.linger_timeout.value.0,
            linger_bytes: self.linger_bytes.value.0,
            drain_timeout: self.drain_timeout.value.0,
        }
    }

    /// The bounds on bodies and on requests in progress.
    pub fn http_limits(&self) -> http::Limits {
        http::Limits {
            check_bytes: size(self.check_bytes.value.0),
            batch_bytes: size(self.batch_bytes.value.0),
            batch_items: size(self.batch_items.value.0),
            bundle_bytes: size(self.bundle_bytes.value.0),
            entities_bytes: self.entities_bytes.value.0,
            depth: size(self.depth.value.0),
            requests_in_flight: size(self.requests_in_flight.value.0),
            admin_requests_in_flight: size(self.admin_requests_in_flight.value.0),
            bodies_bytes: size(self.bodies_bytes.value.0),
            admin_bodies_bytes: size(self.admin_bodies_bytes.value.0),
            body_timeout: self.body_timeout.value.0,
            bundle_timeout: self.bundle_timeout.value.0,
            entities_timeout: self.entities_timeout.value.0,
            at_least_timeout: self.at_least_timeout.value.0,
            search_page: size(self.search_page.value.0),
            search_candidates: size(self.search_candidates.value.0),
            search_time: self.search_time.value.0,
            search_streams: size(self.search_streams.value.0),
            stream_time: self.stream_time.value.0,
            cursor_revisions: size(self.cursor_revisions.value.0),
            cursor_age: self.cursor_age.value.0,
            cursor_candidates_bytes: size(self.cursor_candidates_bytes.value.0),
        }
    }

    /// How much is read from files.
    pub fn file_limits(&self) -> FileLimits {
        FileLimits {
            bundle_bytes_max: self.bundle_bytes.value.0,
            entities_bytes_max: self.entities_bytes.value.0,
        }
    }

    /// How much of the past is kept.
    pub fn retention(&self) -> Retention {
        Retention {
            records_min: self.revisions.value.0,
            older_bytes_max: self.older_revisions_bytes.value.0,
            ..Retention::default()
        }
    }

    /// The bounds of one text of a bundle.
    pub fn gate_limits(&self) -> gate::Limits {
        gate::Limits {
            bytes_max: size(self.bundle_bytes.value.0),
            tokens_max: size(self.tokens.value.0),
            depth_max: size(self.depth.value.0),
        }
    }
}

/// A number of things in memory; no machine has more than `usize` counts.
pub(super) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A number where the connections count in 32 bits.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl From<Count> for Written {
    fn from(count: Count) -> Self {
        Self::Number(count.0)
    }
}

impl From<Bytes> for Written {
    fn from(bytes: Bytes) -> Self {
        Self::Text(bytes.to_string())
    }
}

impl From<Time> for Written {
    fn from(time: Time) -> Self {
        Self::Text(time.to_string())
    }
}
