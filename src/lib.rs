//! Everfresh.
