//! What durability costs on this machine, whatever the program.

use std::{fs::File, io::Write as _, path::Path, time::Instant};

/// Microseconds (p50, p99) of an appended block of 4 KiB with fdatasync.
pub(crate) fn fsync_microseconds(folder: &Path) -> (f64, f64) {
    let mut file = tempfile::Builder::new().tempfile_in(folder).unwrap();
    let block = [0x5a_u8; 4096];
    let write = |file: &mut File| {
        let start = Instant::now();
        file.write_all(&block).unwrap();
        file.sync_data().unwrap();
        start.elapsed().as_secs_f64() * 1e6
    };
    let mut times: Vec<f64> = (0..300).map(|_| write(file.as_file_mut())).collect();
    (
        crate::report::percentile(&mut times, 50),
        crate::report::percentile(&mut times, 99),
    )
}
