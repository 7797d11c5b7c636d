//! Maintenance against stock git: whatever is done to the packs, git reads the same objects and the same history as before.

mod bitmap_file;
mod check;
mod collect;
mod compress;
mod consolidate;
mod crash;
mod figures;
mod readers;
mod world;
mod write_out;
