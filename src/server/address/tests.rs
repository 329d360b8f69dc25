//! Addresses are read back as written, and what is none is refused with its reason.

use super::*;

#[track_caller]
fn refused(text: &str) -> String {
    text.parse::<ListenAddr>().expect_err("it is refused").to_string()
}

#[test]
fn hosts_ports_and_paths_are_read_back_as_written() {
    for text in ["127.0.0.1:3667", "[::1]:0", "localhost:80", "pdp.example:1", "unix:/run/d.sock"] {
        assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_address_is_refused_with_its_reason() {
    assert!(refused("3667").contains("the port is missing"));
    assert!(refused(":3667").contains("the host is missing"));
    assert!(refused("127.0.0.1:").contains("not a number"));
    assert!(refused("127.0.0.1:+80").contains("not a number"));
    assert!(refused("127.0.0.1:65536").contains("not a number"));
    assert!(refused("::1:3667").contains("brackets"));
    assert!(refused("[host]:3667").contains("brackets"));
    assert!(refused("http://127.0.0.1:3667").contains("brackets"));
    assert!(refused("unix:").contains("empty"));
    assert!(refused("x").contains("hint:"));
}

#[test]
fn loopback_and_unix_sockets_are_local() {
    for text in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "LOCALHOST:1", "unix:x"] {
        assert!(text.parse::<ListenAddr>().unwrap().is_local(), "{text}");
    }
    for text in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "localhost.example:1", "pdp:1"] {
        assert!(!text.parse::<ListenAddr>().unwrap().is_local(), "{text}");
    }
    assert!("[::ffff:127.0.0.1]:1".parse::<ListenAddr>().unwrap().is_local());
}
