//! The tutorial behind nginx: whoever signs in at the platform sees what is theirs.

use super::*;

#[test]
fn emma_sees_her_sensors_and_jack_his() {
    let service = thingsboard();
    let (emma, jack, administrator) = (emma(), jack(), administrator());
    let emmas = [
        "/api/device/SD-001",
        "/api/device/EM-002",
        "/api/device/WM-003",
        "/api/asset/Building%20A",
        "/api/dashboard/My%20New%20Dashboard",
    ];
    let jacks = ["/api/device/AM-307", "/api/asset/Office%20B"];
    let asks = |token: &str, path: &str| {
        outcome(&ask(&service, "GET", path, &[("X-Authorization", token)]))
    };
    let allowed = (200, "allow".to_owned());
    let denied = (403, "no_permit".to_owned());
    for path in emmas {
        assert_eq!(asks(&emma, path), allowed, "{path}");
        assert_eq!(asks(&administrator, path), allowed, "{path}");
    }
    for path in jacks {
        assert_eq!(asks(&emma, path), denied, "{path}");
        assert_eq!(asks(&jack, path), allowed, "{path}");
        assert_eq!(asks(&administrator, path), allowed, "{path}");
    }
    // Building A is shared with both companies; the sensors in it are not.
    assert_eq!(asks(&jack, "/api/device/SD-001"), denied);
    assert_eq!(asks(&jack, "/api/asset/Building%20A"), allowed);
    for token in [&emma, &jack, &administrator] {
        assert_eq!(asks(token, "/api/no/such/route"), (403, "unmapped_route".to_owned()));
    }
}
