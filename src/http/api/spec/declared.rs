//! What the row of a route says of its operation, beside what the types of its handler say.
//!
//! Owns [`Query`], the parameters of query strings, and the words in which a row of the table says the rest. A handler that reads a parameter that its route does not name fails in
//! debug builds (`api/query.rs`).

use super::schema::Schemas;
use super::told::{Described, Told};
use crate::http::router::Route;

/// What values a query parameter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// A date, RFC 3339.
    Date,
    /// A whole number.
    Number,
    /// True or false.
    Switch,
    /// Texts; the parameter may be given many times.
    Texts,
}

/// One parameter of a query string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Its name.
    pub name: &'static str,
    /// What values it has.
    pub form: Form,
    /// What it is for.
    pub about: &'static str,
    /// The only texts it may have; none: any.
    pub choices: &'static [&'static str],
    /// It has to be there.
    pub is_required: bool,
}

impl Query {
    /// A parameter with any text.
    pub const fn text(name: &'static str, about: &'static str) -> Self {
        Self { name, form: Form::Text, about, choices: &[], is_required: false }
    }

    /// A parameter with a date.
    pub const fn date(name: &'static str, about: &'static str) -> Self {
        Self { form: Form::Date, ..Self::text(name, about) }
    }

    /// A parameter with a whole number.
    pub const fn number(name: &'static str, about: &'static str) -> Self {
        Self { form: Form::Number, ..Self::text(name, about) }
    }

    /// A parameter that is true or false.
    pub const fn switch(name: &'static str, about: &'static str) -> Self {
        Self { form: Form::Switch, ..Self::text(name, about) }
    }

    /// A parameter that may be given many times.
    pub const fn texts(name: &'static str, about: &'static str) -> Self {
        Self { form: Form::Texts, ..Self::text(name, about) }
    }

    /// Limits it to some texts.
    pub const fn one_of(self, choices: &'static [&'static str]) -> Self {
        Self { choices, ..self }
    }

    /// Says that it has to be there.
    pub const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }
}

/// Groups of query parameters, as a route names them.
pub type Queries = &'static [&'static [Query]];

/// One of several definitions that a body's type serves.
#[derive(Debug, Clone, Copy)]
pub struct BodyVariant {
    /// Name of the definition.
    pub name: &'static str,
    /// Fields that have to be there.
    pub required: &'static [&'static str],
    /// Fields of the type that mean nothing here.
    pub without: &'static [&'static str],
}

/// All that is declared of an operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What it does, in a line.
    pub summary: &'static str,
    /// Its group; none: that of its path.
    pub tags: Option<&'static [&'static str]>,
    /// Statuses of a success; none: those that its handler's types say.
    pub successes: Option<&'static [u16]>,
    /// Statuses of failures beside those that follow from the handler's types.
    pub failures: &'static [u16],
    /// Media types it answers beside the usual one.
    pub media: &'static [&'static str],
    /// Name of the body as a parameter.
    pub body_name: &'static str,
    /// The definition its body has, where the type serves several.
    pub body_variant: Option<BodyVariant>,
    /// Parameters of the path that the specification gives other names: ours, and those.
    pub renamed: &'static [(&'static str, &'static str)],
    /// Asks the types of the handler.
    pub tell: fn(&mut Told, &mut Schemas),
}

impl Operation {
    /// Declares nothing yet of an operation with a handler.
    pub fn of<H: Described<T>, T>() -> Self {
        Self {
            summary: "",
            tags: None,
            successes: None,
            failures: &[],
            media: &[],
            body_name: "body",
            body_variant: None,
            renamed: &[],
            tell: H::tell,
        }
    }
}

/// The words of a row in the table of routes.
impl Route {
    /// Says what the operation does, in a line.
    #[must_use]
    pub fn about(self, summary: &'static str) -> Self {
        self.declare(|operation| operation.summary = summary)
    }

    /// Names the parameters that the handler reads from the query string, in groups; `page` and `limit` follow from `Paging`.
    #[must_use]
    pub fn query(mut self, queries: Queries) -> Self {
        self.info.queries = queries;
        self
    }

    /// Names the statuses of a success, where they are not those of the answer's type: 200 for `Json`, 201 for `(StatusCode, Json)`, 204 for
    /// `StatusCode`.
    #[must_use]
    pub fn answers(self, statuses: &'static [u16]) -> Self {
        self.declare(|operation| operation.successes = Some(statuses))
    }

    /// Names statuses of failures beside those that follow from what the handler takes: 401 and 403 from `Caller`, 404 from names in the path, 400,
    /// 413 and 422 from a body, 307 from a repository's answer. Any operation may answer 429, 500 and 503.
    #[must_use]
    pub fn fails(self, statuses: &'static [u16]) -> Self {
        self.declare(|operation| operation.failures = statuses)
    }

    /// Names media types that the operation may answer beside the usual one.
    #[must_use]
    pub fn also(self, media: &'static [&'static str]) -> Self {
        self.declare(|operation| operation.media = media)
    }

    /// Puts the operation into other groups than that of its path.
    #[must_use]
    pub fn tags(self, tags: &'static [&'static str]) -> Self {
        self.declare(|operation| operation.tags = Some(tags))
    }

    /// Gives the body another name than `body`; generated clients show it.
    #[must_use]
    pub fn body(self, name: &'static str) -> Self {
        self.declare(|operation| operation.body_name = name)
    }

    /// Names the definition of the body where its type serves several: with the fields that have to be there, without some that mean nothing here.
    #[must_use]
    pub fn body_as(
        self,
        name: &'static str,
        required: &'static [&'static str],
        without: &'static [&'static str],
    ) -> Self {
        self.declare(|operation| operation.body_variant = Some(BodyVariant { name, required, without }))
    }

    /// Gives parameters of the path other names in the specification: ours, and those.
    #[must_use]
    pub fn renamed(self, names: &'static [(&'static str, &'static str)]) -> Self {
        self.declare(|operation| operation.renamed = names)
    }

    fn declare(mut self, change: impl FnOnce(&mut Operation)) -> Self {
        if let Some(operation) = &mut self.operation {
            change(operation);
        }
        self
    }
}
