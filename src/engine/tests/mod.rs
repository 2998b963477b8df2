//! The engine as a whole, from inputs to outputs.

mod contracts;
mod refetch;
mod take_over;
mod why;
