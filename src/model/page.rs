//! One page of a list: where it starts, how long it is, and how many rows there are in all.
//!
//! Owns Gitea's defaults and clamps. Link headers are rendered in `http`.

/// Which page of a list is wanted; 1-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Page number, from 1.
    pub number: u64,
    /// Rows a page.
    pub limit: u64,
}

impl Page {
    /// Rows a page when the caller does not say.
    pub const DEFAULT_LIMIT: u64 = 30;
    /// Most rows a page; more is silently clamped.
    pub const MAX_LIMIT: u64 = 50;

    /// Clamps what a query string asks for: absent, zero or negative falls back to the default.
    pub fn from_query(page: Option<i64>, limit: Option<i64>) -> Self {
        let number = page.and_then(|page| u64::try_from(page).ok()).unwrap_or(1).clamp(1, u64::from(u32::MAX));
        let limit = match limit.and_then(|limit| u64::try_from(limit).ok()) {
            None | Some(0) => Self::DEFAULT_LIMIT,
            Some(limit) => limit.min(Self::MAX_LIMIT),
        };
        Self { number, limit }
    }

    /// Rows before this page.
    pub const fn offset(self) -> i64 {
        (self.number.saturating_sub(1)).saturating_mul(self.limit) as i64
    }

    /// Rows a page, as SQL wants it.
    pub const fn limit_i64(self) -> i64 {
        self.limit as i64
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { number: 1, limit: Self::DEFAULT_LIMIT }
    }
}

/// One page of rows and the number of rows on all pages.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// The rows of this page; empty past the end.
    pub rows: Vec<T>,
    /// Rows on all pages together.
    pub total_count: u64,
}

impl<T> Paged<T> {
    /// Converts every row.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Paged<U> {
        Paged { rows: self.rows.into_iter().map(convert).collect(), total_count: self.total_count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_clamped_as_gitea_does() {
        assert_eq!(Page::from_query(None, None), Page { number: 1, limit: 30 });
        assert_eq!(Page::from_query(Some(0), Some(0)), Page { number: 1, limit: 30 });
        assert_eq!(Page::from_query(Some(-4), Some(-1)), Page { number: 1, limit: 30 });
        assert_eq!(Page::from_query(Some(3), Some(500)), Page { number: 3, limit: 50 });
        assert_eq!(Page::from_query(Some(3), Some(10)).offset(), 20);
        assert!(Page::from_query(Some(i64::MAX), Some(50)).offset() > 0);
    }
}
