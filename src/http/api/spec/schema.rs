//! Schemas of bodies and answers, derived from the wire types and written in the words of Swagger 2.0.
//!
//! Owns what JSON Schema can say and Swagger 2.0 cannot: null becomes `x-nullable`, alternatives become their first with all of them in
//! `x-anyOf`. Called while the document is built.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// Where definitions stand in the document.
const DEFINITIONS: &str = "/definitions";

/// The schemas of a document in the making.
#[derive(Debug)]
pub struct Schemas {
    answers: SchemaGenerator,
    bodies: SchemaGenerator,
}

impl Default for Schemas {
    /// None yet.
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = DEFINITIONS.into();
                settings.meta_schema = None;
            })
        };
        Self {
            answers: settings().for_serialize().into_generator(),
            bodies: settings().for_deserialize().into_generator(),
        }
    }
}

impl Schemas {
    /// The schema of what is written from a `T`; one with a name is a reference.
    pub fn of_answer<T: JsonSchema>(&mut self) -> Value {
        in_swagger(self.answers.subschema_for::<T>())
    }

    /// The schema of what a `T` is read from.
    pub fn of_body<T: JsonSchema>(&mut self) -> Value {
        in_swagger(self.bodies.subschema_for::<T>())
    }

    /// All definitions that schemas refer to, by name. A type that is both answered and read is described as answered.
    pub fn into_definitions(mut self) -> Map<String, Value> {
        let mut definitions = self.bodies.take_definitions(false);
        definitions.extend(self.answers.take_definitions(false));
        for definition in definitions.values_mut() {
            convert(definition);
        }
        definitions
    }
}

fn in_swagger(schema: Schema) -> Value {
    let mut schema = schema.to_value();
    convert(&mut schema);
    schema
}

/// Rewrites a schema in place, all the way down.
fn convert(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else {
        // `true`: anything.
        *schema = Value::Object(Map::new());
        return;
    };
    // Defaults are those of our types, not what a missing field means.
    for name in ["default", "title", "$schema"] {
        fields.remove(name);
    }
    let is_null = |schema: &Value| schema["type"] == "null";
    if let Some(Value::Array(mut kinds)) = take_list(fields, "type") {
        kinds.retain(|kind| kind != "null");
        fields.insert("x-nullable".into(), true.into());
        if let Some(kind) = kinds.pop() {
            fields.insert("type".into(), kind);
        }
    }
    if let Some(Value::Array(mut choices)) = fields.remove("anyOf") {
        let count = choices.len();
        choices.retain(|choice| !is_null(choice));
        if choices.len() < count {
            fields.insert("x-nullable".into(), true.into());
        }
        choices.iter_mut().for_each(convert);
        if let Some(Value::Object(first)) = choices.first().cloned() {
            fields.extend(first);
        }
        if choices.len() > 1 {
            fields.insert("x-anyOf".into(), Value::Array(choices));
        }
    }
    if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        fields.insert("format".into(), "int64".into());
    }
    if let Some(Value::String(text)) = fields.get_mut("description") {
        // Links of rustdoc lead nowhere here.
        *text = text.replace("[`", "`").replace("`]", "`");
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(name).filter(|inner| inner.is_object()) {
            convert(inner);
        }
    }
    let mut nullable = Vec::new();
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(convert);
        let names = properties.iter().filter(|(_, property)| property["x-nullable"] == true).map(|(name, _)| name);
        nullable.extend(names.cloned());
    }
    // Who does not know `x-nullable` takes null for absent.
    if let Some(Value::Array(required)) = fields.get_mut("required") {
        required.retain(|name| !nullable.iter().any(|nullable| name == nullable));
        if required.is_empty() {
            fields.remove("required");
        }
    }
}

/// Takes a field out if it is a list.
fn take_list(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    if fields.get(name).is_some_and(Value::is_array) { fields.remove(name) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    /// A part, see [`Whole`].
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Part {
        count: u32,
    }

    /// All forms.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[schemars(rename = "Entire")]
    struct Whole {
        /// How many.
        size: u64,
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        part: Option<Part>,
        parts: Vec<Part>,
        any: Option<Value>,
    }

    #[derive(Serialize, JsonSchema)]
    #[serde(untagged)]
    #[schemars(inline)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Either {
        One(Part),
        List(Vec<Part>),
    }

    #[test]
    fn schemas_say_what_swagger_can_say() {
        let mut schemas = Schemas::default();
        assert_eq!(
            schemas.of_answer::<Vec<Whole>>(),
            json!({ "type": "array", "items": { "$ref": "#/definitions/Entire" } })
        );
        let part = json!({ "$ref": "#/definitions/Part" });
        let parts = json!({ "type": "array", "items": part });
        let either = schemas.of_answer::<Either>();
        assert_eq!(either, json!({ "$ref": "#/definitions/Part", "x-anyOf": [part, parts] }));
        let definitions = schemas.into_definitions();
        assert_eq!(
            definitions["Entire"],
            json!({
                "type": "object",
                "description": "All forms.",
                "properties": {
                    "size": { "type": "integer", "format": "int64", "minimum": 0, "description": "How many." },
                    "name": { "type": "string", "x-nullable": true },
                    "part": { "$ref": "#/definitions/Part", "x-nullable": true },
                    "parts": parts,
                    "any": {},
                },
                "required": ["size", "parts", "any"],
            })
        );
        assert_eq!(definitions["Part"]["description"], "A part, see `Whole`.");
    }
}
