//! The engine as a whole, from inputs to outputs.

mod take_over;
