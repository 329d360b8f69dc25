//! The classes of findings: how others were bypassed, what was published about it, and what an
//! operator does about it.

/// A way in which proxy, doorward and platform come to disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// What must be asked about is not.
    Unprotected,
    /// `..` and `.`, plain or encoded.
    DotSegments,
    /// `/` that is doubled, encoded or backwards.
    Slashes,
    /// `;` and what is behind it.
    Parameters,
    /// `%25` and needless escapes.
    Escapes,
    /// NUL, line ends, bytes beyond ASCII.
    Bytes,
    /// `#` and `?`.
    Delimiters,
    /// Targets that are no path.
    Forms,
    /// Upper case and slashes at the end.
    Spelling,
    /// Headers by which proxies tell the client's request.
    Claims,
    /// The headers by which the platform is told who asks.
    Identity,
    /// `Connection` that names headers.
    Connection,
    /// More than one credential, or none.
    Credentials,
    /// More than one host.
    Hosts,
    /// Methods and what stands in for them.
    Methods,
    /// Where one request ends and the next begins.
    Framing,
    /// Other protocols on the same connection.
    Upgrades,
}

// === impl Class ===

impl Class {
    /// The name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unprotected => "unprotected",
            Self::DotSegments => "dot-segments",
            Self::Slashes => "slashes",
            Self::Parameters => "path-parameters",
            Self::Escapes => "double-encoding",
            Self::Bytes => "control-bytes",
            Self::Delimiters => "fragment",
            Self::Forms => "target-form",
            Self::Spelling => "spelling",
            Self::Claims => "spoofed-target",
            Self::Identity => "spoofed-identity",
            Self::Connection => "connection-header",
            Self::Credentials => "credentials",
            Self::Hosts => "duplicate-host",
            Self::Methods => "method",
            Self::Framing => "request-smuggling",
            Self::Upgrades => "upgrade",
        }
    }

    /// What was published about others of the class.
    pub(super) fn advisories(self) -> &'static [&'static str] {
        match self {
            Self::Unprotected => &["CVE-2024-47070 authentik", "GHSA-5hvv-m4w4-gf6v oauth2-proxy"],
            Self::DotSegments => &["GHSA-p224-6x5r-fjpm Oathkeeper", "CVE-2026-42274 Heimdall"],
            Self::Slashes => &["CVE-2021-29492 Envoy", "CVE-2026-26205 opa-envoy-plugin"],
            Self::Parameters => &["GHSA-p224-6x5r-fjpm Oathkeeper"],
            Self::Escapes => &["CVE-2021-29492 Envoy", "CVE-2026-42272 Heimdall"],
            Self::Bytes | Self::Spelling => &["CVE-2021-29492 Envoy"],
            Self::Delimiters => &["GHSA-pxq7-h93f-9jrg oauth2-proxy"],
            Self::Forms => &["CVE-2026-26205 opa-envoy-plugin", "CVE-2026-33186 grpc-go"],
            Self::Claims => &["CVE-2026-40575 oauth2-proxy", "GHSA-vhr5-ggp3-qq85 Oathkeeper"],
            Self::Identity => &["GHSA-7r4p-vjf4-gxv4 Caddy", "CVE-2025-64484 oauth2-proxy"],
            Self::Connection => &["CVE-2024-45410 Traefik"],
            Self::Credentials => &["CVE-2026-25748 authentik", "CVE-2026-26308 Istio"],
            Self::Hosts => &["CVE-2026-26308 Istio"],
            Self::Methods => &["GHSA-6384-m2mw-rf54 Traefik"],
            Self::Framing | Self::Upgrades => &["CWE-444"],
        }
    }

    /// What to do about it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Unprotected => "have every location and router ask doorward",
            Self::DotSegments
            | Self::Slashes
            | Self::Parameters
            | Self::Escapes
            | Self::Bytes
            | Self::Delimiters
            | Self::Forms
            | Self::Spelling => {
                "tell doorward the path as the platform gets it: raw to both, or normalised \
                 before both"
            }
            Self::Claims => {
                "set every header that doorward reads, so that none of the client's gets through"
            }
            Self::Identity => {
                "delete or overwrite every `X-Doorward-` header of the client's, also where it is \
                 spelt with `_` or `.`"
            }
            Self::Connection => "take nothing away from what doorward is told",
            Self::Credentials => "pass every credential on to doorward, as it came",
            Self::Hosts => "refuse requests with more than one host; name `hosts` in the route map",
            Self::Methods => {
                "delete headers that stand in for the method; pass the method on as it came"
            }
            Self::Framing => "update the proxy; refuse requests with two lengths",
            Self::Upgrades => "pass on `Upgrade: websocket` and no other",
        }
    }
}
