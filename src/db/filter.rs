//! Assembles a WHERE clause from fixed pieces of SQL and numbered parameters.
//!
//! Owns numbering and LIKE patterns. Only literals from `db` become SQL text; values are always bound.

use atomicqms_actors::sql::Value;

/// Conditions joined by AND, with their parameters in order of first use.
#[derive(Debug, Default)]
pub(super) struct Filter {
    conditions: Vec<String>,
    params: Vec<Value>,
}

impl Filter {
    /// Binds a value and answers its placeholder.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// Adds a condition without a value.
    pub(super) fn add(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }

    /// Adds `expression = value` when there is a value.
    pub(super) fn equals(&mut self, expression: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            let placeholder = self.bind(value);
            self.add(format!("{expression} = {placeholder}"));
        }
    }

    /// Adds "one of the expressions contains the text", without regard to ASCII case; nothing when it is empty.
    pub(super) fn contains(&mut self, expressions: &[&'static str], text: &str) {
        if text.is_empty() || expressions.is_empty() {
            return;
        }
        let pattern = like_pattern(text);
        let any: Vec<String> = expressions
            .iter()
            .map(|expression| {
                let placeholder = self.bind(pattern.clone());
                format!("LOWER({expression}) LIKE {placeholder} ESCAPE '!'")
            })
            .collect();
        self.add(format!("({})", any.join(" OR ")));
    }

    /// ` WHERE ...`, or nothing.
    pub(super) fn clause(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!(" WHERE {}", self.conditions.join(" AND ")) }
    }

    /// Forgets the conditions, which stand somewhere in a statement already; their values stay bound.
    pub(super) fn begin_again(&mut self) {
        self.conditions.clear();
    }

    /// ` AND ` and the conditions, or nothing, for a WHERE that began before.
    pub(super) fn and_clause(&self) -> String {
        self.conditions.iter().map(|condition| format!(" AND {condition}")).collect()
    }

    /// The values so far.
    pub(super) fn params(&self) -> &[Value] {
        &self.params
    }
}

/// A pattern that finds the text anywhere, its own wildcards taken literally.
fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.to_ascii_lowercase().chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_the_caller_are_literal() {
        assert_eq!(like_pattern("50%_A!"), "%50!%!_a!!%");
    }
}
