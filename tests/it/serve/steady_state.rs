//! Ten thousand checks leave memory and descriptors where they were. Sizes are compared with a
//! margin that a leak of a hundred bytes a check would pass; nothing is timed.

use std::fs;

use crate::http::Connection;
use crate::service::{EMMA_READS, Service, until};

const CHECKS: usize = 10_000;
/// What the allocator may still take for itself once it is warm.
const MARGIN_KIB: u64 = 1_000;

/// Resident memory in KiB.
fn resident(service: &Service) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn descriptors(service: &Service) -> usize {
    fs::read_dir(format!("/proc/{}/fd", service.id())).unwrap().count()
}

/// Sends checks over as many connections side by side, each of them kept alive.
fn ask(service: &Service, connections: usize) {
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut connection = Connection::open(service.data);
                for _ in 0..CHECKS / connections {
                    let answer = connection.post("/v1/check", EMMA_READS);
                    assert_eq!(answer.status, 200);
                }
            });
        }
    });
}

#[track_caller]
fn assert_steady(connections: usize) {
    let service = Service::shipped();
    let open = descriptors(&service);
    // The first round warms up: threads, arenas, buffers.
    ask(&service, connections);
    let before = resident(&service);
    ask(&service, connections);
    until("descriptors are closed", || (descriptors(&service) <= open).then_some(()));
    let after = resident(&service);
    assert!(after <= before + MARGIN_KIB, "{before} KiB became {after} KiB");
}

#[test]
fn on_one_connection() {
    assert_steady(1);
}

#[test]
fn on_64_connections() {
    assert_steady(64);
}
