//! The firmware on its disk, in whole boxes: starts, updates, the key of the data.
//!
//! In one program, so that one test's box starts while another's waits to be proved good.

mod hang;
mod sealed_key;
mod starts;
mod stick;
mod updates;
