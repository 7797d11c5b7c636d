//! Names of fields in bodies without regard to case, as Go's decoder reads them: `{"Name": "x", "COLOR": "#000000"}`.
//!
//! Owns [`AnyCase`], which stands between a JSON reader and a type and writes each key as the type writes it. It knows how that is from the type itself, at every
//! level, so nothing else is touched: keys of maps and unknown keys stay as they are. A field that is given in two spellings is given twice. Called by
//! `extract/body.rs`.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// How the keys of an object are written by the type that is read.
#[derive(Debug, Clone, Copy)]
enum Names {
    /// As they stand there: they are data.
    Data,
    /// One of these.
    Of(&'static [&'static str]),
    /// In small letters: a body of several parts, which tells the names of none.
    Small,
}

/// A reader whose objects have the keys that the type wants.
pub(super) struct AnyCase<D> {
    inner: D,
    is_body: bool,
}

impl<D> AnyCase<D> {
    /// Reads a whole body: a struct, all of whose parts (`serde(flatten)`) have names in small letters.
    pub(super) fn body(inner: D) -> Self {
        Self { inner, is_body: true }
    }

    fn part(inner: D) -> Self {
        Self { inner, is_body: false }
    }
}

macro_rules! pass_on {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(Reading { visitor, names: Names::Data })
        })+
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AnyCase<D> {
    type Error = D::Error;

    pass_on! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_unit deserialize_seq deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let names = if self.is_body { Names::Small } else { Names::Data };
        self.inner.deserialize_map(Reading { visitor, names })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_struct(name, fields, Reading { visitor, names: Names::Of(fields) })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, Reading { visitor, names: Names::Data })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_newtype_struct(name, Reading { visitor, names: Names::Data })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_tuple(length, Reading { visitor, names: Names::Data })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_tuple_struct(name, length, Reading { visitor, names: Names::Data })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_enum(name, variants, Reading { visitor, names: Names::Data })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// What the type does with a value, with the keys it wants.
struct Reading<V> {
    visitor: V,
    names: Names,
}

macro_rules! visit {
    ($($method:ident: $type:ty,)+) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        })+
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Reading<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    visit! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
        visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_f32: f32, visit_f64: f64,
        visit_char: char, visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
        visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(AnyCase::part(inner))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(AnyCase::part(inner))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Parts { inner, names: self.names })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Parts { inner, names: self.names })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(inner)
    }
}

/// The elements of a list, or the fields of an object.
struct Parts<A> {
    inner: A,
    names: Names,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Parts<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.inner.next_element_seed(PartSeed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Parts<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.inner.next_key_seed(KeySeed { seed, names: self.names })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(PartSeed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

struct PartSeed<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for PartSeed<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(AnyCase::part(inner))
    }
}

struct KeySeed<S> {
    seed: S,
    names: Names,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        match self.names {
            Names::Data => self.seed.deserialize(inner),
            names => self.seed.deserialize(Key { inner, names }),
        }
    }
}

/// A key on its way to the type.
struct Key<D> {
    inner: D,
    names: Names,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Key<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(KeyReading { visitor, names: self.names })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct KeyReading<V> {
    visitor: V,
    names: Names,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for KeyReading<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<V::Value, E> {
        match self.names {
            Names::Of(fields) if !fields.contains(&key) => {
                let field = fields.iter().find(|field| field.eq_ignore_ascii_case(key));
                self.visitor.visit_str(field.copied().unwrap_or(key))
            }
            Names::Small if key.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                self.visitor.visit_string(key.to_ascii_lowercase())
            }
            Names::Data | Names::Of(_) | Names::Small => self.visitor.visit_str(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        sha: Option<String>,
        #[serde(rename = "Text")]
        text: String,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Outer {
        name: String,
        files: Option<Vec<Inner>>,
        one: Inner,
        map: BTreeMap<String, Inner>,
        free: Value,
        is: Option<bool>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Flags {
        may_push: Option<bool>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct InParts {
        rule_name: String,
        #[serde(flatten)]
        flags: Flags,
    }

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
        T::deserialize(AnyCase::body(&mut serde_json::Deserializer::from_str(text)))
    }

    #[test]
    fn fields_are_found_in_any_spelling_at_every_level() {
        let spelled = json!({ "NAME": "x", "Files": [{ "SHA": "1" }, { "tExt": "t" }], "one": { "TEXT": "u" },
            "Map": { "Key": { "Sha": "2" }, "key": {} }, "free": { "Name": 1 }, "Is": true, "UNKNOWN": { "Name": [] } });
        let inner = |sha: Option<&str>, text: &str| Inner { sha: sha.map(str::to_owned), text: text.to_owned() };
        let expected = Outer {
            name: "x".to_owned(),
            files: Some(vec![inner(Some("1"), ""), inner(None, "t")]),
            one: inner(None, "u"),
            map: [("Key".to_owned(), inner(Some("2"), "")), ("key".to_owned(), Inner::default())].into(),
            free: json!({ "Name": 1 }),
            is: Some(true),
        };
        assert_eq!(read::<Outer>(&spelled.to_string()).unwrap(), expected);
        let parts = read::<InParts>(r#"{"Rule_Name": "main", "MAY_PUSH": true, "Else": 1}"#).unwrap();
        assert_eq!(parts, InParts { rule_name: "main".to_owned(), flags: Flags { may_push: Some(true) } });
    }

    #[test]
    fn a_field_in_two_spellings_is_given_twice() {
        for text in [r#"{"name": "a", "Name": "b"}"#, r#"{"Name": "a", "NAME": "b"}"#, r#"{"name": "a", "name": "b"}"#]
        {
            assert!(read::<Outer>(text).unwrap_err().to_string().starts_with("duplicate field `name`"), "{text}");
        }
        // Letters that only look alike, or are alike for some, are others.
        assert_eq!(read::<Outer>("{\"fi\u{131}les\": 1, \"na\u{b5}e\": 1}").unwrap(), Outer::default());
    }

    #[test]
    fn what_is_read_is_what_the_reader_alone_reads() {
        for text in [
            r#"{"name": "x", "files": null, "free": [1.5, -2, 18446744073709551615, "\u00e4", null, {"a": {}}]}"#,
            r#"{"is": null, "one": {"sha": null, "Text": "\n"}}"#,
            r#"["x"]"#,
            r#"{"name": 5}"#,
            r#"{"files": [{"sha": []}]}"#,
            r#"{"name": "x""#,
            "5",
            "",
        ] {
            let (ours, theirs) = (read::<Outer>(text), serde_json::from_str::<Outer>(text));
            assert_eq!(ours.map_err(|error| error.to_string()), theirs.map_err(|error| error.to_string()), "{text}");
        }
    }
}
