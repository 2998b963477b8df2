//! Tokens of the demo that are good no more. A page's token names a pass beside the person, as `demo:ana#phone/7c1f`:
//! the device, and what makes it another pass than the one before.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Device;

/// How many expired passes are remembered. A page gets another one when it is told that its own has expired.
const EXPIRED_MAX: usize = 256;

/// The passes that have expired.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passes(Arc<Mutex<VecDeque<Arc<str>>>>);

impl Passes {
    /// From now on this pass is good no more.
    pub(crate) fn expire(&self, pass: Arc<str>) {
        let mut expired = self.expired();
        if expired.len() == EXPIRED_MAX {
            expired.pop_front();
        }
        expired.push_back(pass);
    }

    /// Whether it is good no more.
    pub(crate) fn has_expired(&self, pass: &str) -> bool {
        self.expired().iter().any(|known| **known == *pass)
    }

    fn expired(&self) -> MutexGuard<'_, VecDeque<Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a pass is of this device.
pub(super) fn is_of(pass: &str, device: &Device) -> bool {
    let of = pass.split_once('/');
    of.is_some_and(|(name, _)| name == device.as_str())
}
