//! Free ports for tests that run side by side in one process.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range from which the system gives ports to outgoing connections (32768 on Linux), which could take one
/// between our look and the start of the node.
const FIRST: u16 = 12_000;
const COUNT: u16 = 19_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// `count` free ports in a row, never given out twice by this process.
pub(crate) fn free_ports(count: u16) -> u16 {
    let offset = (std::process::id() % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(count, Ordering::Relaxed);
        let first = FIRST + (offset.wrapping_add(step)) % (COUNT - count);
        if (first..first + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
    panic!("no {count} free ports in a row");
}
