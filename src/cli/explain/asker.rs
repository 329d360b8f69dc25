//! Who asks, as the service would read it from the headers: with the keys and secrets that the route
//! file names, fetched if they lie behind a URL.

use std::time::Duration;

use hyper::header::HeaderMap;

use super::super::exit::Failure;
use super::answer::Asker;
use crate::engine::{Snapshot, Text};
use crate::http::proxy::{self, RouteConfig};
use crate::identity::Peer;
use crate::mapping::Matched;

/// How long key sets are waited for.
const KEYS_TIMEOUT: Duration = Duration::from_secs(10);

/// What comes with the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presented<'a> {
    pub(super) headers: &'a HeaderMap,
    /// Where the proxy is.
    pub(super) peer: Peer,
    /// The time, in milliseconds since 1970.
    pub(super) now_ms: i64,
}

/// Who asks for a route.
pub(super) fn of(
    matched: &Matched<'_, '_>,
    presented: &Presented<'_>,
    text: &Text,
    snapshot: &Snapshot,
) -> Result<Asker, Failure> {
    if presented.headers.is_empty() && matched.route().credentials().is_empty() {
        // Nothing can say who asks, so neither keys nor secrets have to be there.
        return Ok(Asker::Nobody);
    }
    let config = RouteConfig::read(text)?;
    // Told all that the service would refuse to start for.
    config.compile(snapshot)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::error(format!("cannot start: {error}")))?;
    let identities = config.identities();
    let identified = runtime.block_on(async {
        let _refreshing = identities.refresh();
        // Whoever signed by keys that did not come is told so.
        let _ = tokio::time::timeout(KEYS_TIMEOUT, identities.first_keys()).await;
        let Presented { headers, peer, now_ms } = *presented;
        proxy::identify(identities, matched, headers, peer, now_ms).await
    });
    let identity = match identified {
        Ok(identity) => identity,
        Err(why) => return Ok(Asker::Refused(why.code(), why.to_string())),
    };
    if let Err(stale) = identity.agrees(snapshot) {
        return Ok(Asker::Refused(stale.code(), stale.to_string()));
    }
    Ok(Asker::Principal(snapshot.uid(&identity.type_name, &identity.id)?))
}
