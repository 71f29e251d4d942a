//! A segment's bytes; see [`crate::fuzzing`].

use super::{
    Sizes,
    folder::SystemFolder,
    frame::{self, Builder, Kind},
    replay,
    segment::{Access, Segment},
};

/// Small, so that many fit into a second.
const SIZES: Sizes = Sizes {
    segment_bytes: 1 << 16,
    window_bytes: 1 << 16,
};

/// Bytes where a frame should be, and a whole frame with a record of these bytes: the checksums are right, what they
/// guard is not.
pub(crate) fn segment(data: &[u8]) {
    let _ = frame::find(data, 0);
    let _ = frame::find_later(data, 0);
    let _ = frame::records(data, 0..data.len());
    let Some(([kind, key], value)) = data.split_first_chunk::<2>() else {
        return;
    };
    let kinds = [
        Kind::Entry,
        Kind::Vote,
        Kind::Truncated,
        Kind::Purged,
        Kind::Committed,
    ];
    let mut builder = Builder::default();
    builder.clear();
    builder.push(
        kinds[usize::from(*kind) % kinds.len()],
        u64::from(*key),
        value,
    );
    let frame = builder.finish(0).to_vec();
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    let written = Segment::create(
        &SystemFolder(folder.path().to_owned()),
        0,
        SIZES.segment_bytes,
    )
    .and_then(|segment| segment.write(&frame, super::segment::HEADER_BYTES as u64));
    if written.is_ok() {
        // A log, or a reason why there is none.
        drop(replay::replay(
            &SystemFolder(folder.path().to_owned()),
            SIZES,
            Access::Write,
        ));
    }
}
