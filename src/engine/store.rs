//! What is asked of the browser's storage, and what it answers.
//!
//! The storage is one of text under keys that all tabs of the origin share, and it is treated as
//! what it is: every access may be refused, any value may vanish or be damaged, and what another
//! tab wrote or removed may be seen late. So a key is written by one tab only, and nothing is
//! ever read, changed and written back.

/// One question to the storage; the answer carries it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreOp(pub u64);

/// Why the storage refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// There is no room left. What was there before is still there.
    Quota,
    /// This page may not use the storage, or there is none.
    Blocked,
}
