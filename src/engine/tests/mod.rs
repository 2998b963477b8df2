//! The engine as a whole, from inputs to outputs.

mod refetch;
mod take_over;
mod why;
