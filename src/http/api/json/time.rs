//! Dates on the wire: RFC 3339 with whole seconds.
//!
//! Server times are written in UTC with `Z`; git dates keep the offset their author's machine recorded. Called by the
//! other wire types only.

use std::borrow::Cow;

use jiff::tz::Offset;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::http::api::commit_text::Signature;

/// What Go writes for a time that was never set in a field that may not be null.
pub const ZERO_TIME: Timestamp = Timestamp { seconds: -62_135_596_800, offset_seconds: 0 };

/// A moment as the API shows it.
///
/// Units: seconds since the Unix epoch and seconds east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    seconds: i64,
    offset_seconds: i32,
}

impl Timestamp {
    /// Takes a server time in milliseconds; parts of a second are dropped as Gitea does.
    pub fn from_ms(at_ms: i64) -> Self {
        Self { seconds: at_ms.div_euclid(1000), offset_seconds: 0 }
    }

    /// Takes a git date. An offset no clock can have is shown as UTC.
    pub fn from_git(seconds: i64, offset_seconds: i32) -> Self {
        let is_real = offset_seconds.unsigned_abs() < 24 * 3600 && offset_seconds % 60 == 0;
        Self { seconds, offset_seconds: if is_real { offset_seconds } else { 0 } }
    }

    /// The date of a signature line.
    pub fn of(signature: &Signature) -> Self {
        Self::from_git(signature.seconds, signature.offset_seconds)
    }

    /// The same moment in UTC.
    pub fn in_utc(self) -> Self {
        Self { offset_seconds: 0, ..self }
    }

    /// The text on the wire, `2006-01-02T15:04:05Z` or `2006-01-02T15:04:05+02:00`.
    pub fn render(self) -> String {
        // A commit may claim a year jiff (or RFC 3339) cannot write; the zero time says "unknown" to every client.
        let Ok(moment) = jiff::Timestamp::from_second(self.seconds) else { return ZERO_TIME.render() };
        match Offset::from_seconds(self.offset_seconds) {
            Ok(offset) if self.offset_seconds != 0 => moment.display_with_offset(offset).to_string(),
            _ => moment.to_string(),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.render())
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_times_are_utc_whole_seconds() {
        assert_eq!(Timestamp::from_ms(1_700_000_000_999).render(), "2023-11-14T22:13:20Z");
        assert_eq!(Timestamp::from_ms(0).render(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_ms(-1).render(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn git_times_keep_their_offset() {
        assert_eq!(Timestamp::from_git(1_700_000_000, 2 * 3600).render(), "2023-11-15T00:13:20+02:00");
        assert_eq!(Timestamp::from_git(1_700_000_000, -(5 * 3600 + 30 * 60)).render(), "2023-11-14T16:43:20-05:30");
        assert_eq!(Timestamp::from_git(1_700_000_000, 0).render(), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn impossible_dates_do_not_fail() {
        assert_eq!(Timestamp::from_git(1_700_000_000, 99 * 3600).render(), "2023-11-14T22:13:20Z");
        assert_eq!(Timestamp::from_git(i64::MAX, 0).render(), "0001-01-01T00:00:00Z");
        assert_eq!(ZERO_TIME.render(), "0001-01-01T00:00:00Z");
    }
}
