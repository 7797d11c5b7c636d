//! Days as a template sees them; the rest is tested over HTTP with stock git (`http/api/tests/templates.rs`).

use super::*;

#[test]
fn the_date_is_taken_apart() {
    let date = date_of(UtcMs::new(1_767_268_800_000));
    assert_eq!((date.year.as_str(), date.month.as_str(), date.day.as_str()), ("2026", "01", "01"));
}
