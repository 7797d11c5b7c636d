//! What comes with the server for new repositories: templates of `.gitignore`, licences, sets of labels.
//!
//! Owns texts and their names. Called by the API and by whoever makes a repository.

pub mod gitignores;
pub mod label_sets;
pub mod licenses;
