//! From the tree to the written form, by serde. A deserializer ends at its first error; this one records it, leaves the
//! value out, and begins anew, until nothing is wrong any more: so people see all problems at once.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

mod error;

pub(super) use error::join;
use error::{ReadError, What};

use super::problem::{Findings, ProblemKind};
use super::scalar;
use super::tree::{Content, Entry, Node, Style};
use super::written::REQUIRED;

/// Reads one type out of a tree. `None` only if the tree is no mapping at all.
pub(super) fn read<'de, T: Deserialize<'de>>(root: &'de Node, reading: &Reading, findings: &mut Findings) -> Option<T> {
    loop {
        let outcome = T::deserialize(Reader { node: root, reading });
        findings.append(&mut reading.found.borrow_mut());
        match outcome {
            Ok(value) => return Some(value),
            Err(error) => {
                reading.hide(root, &error);
                if let Some(kind) = error.kind.clone().and_then(|what| what.into_problem(root, &error)) {
                    findings.push(error.range(root), kind);
                }
                if !reading.leave_out(&error) {
                    return None;
                }
            }
        }
    }
}

/// What is left out of a tree, because it was found wrong.
#[derive(Default)]
pub(super) struct Reading {
    broken: RefCell<BTreeSet<usize>>,
    /// Values of fields that nobody knows.
    unknown: RefCell<BTreeSet<usize>>,
    /// Fields that were missing: (mapping, field).
    holes: RefCell<BTreeSet<(usize, &'static str)>>,
    found: RefCell<Findings>,
}

impl Reading {
    /// A value that is known to be wrong and has been spoken of.
    pub fn break_node(&self, node: &Node) {
        self.broken.borrow_mut().insert(node.id);
    }

    /// Whether this value or one below it was wrong: then nothing more should be said about it.
    pub fn is_broken(&self, node: &Node) -> bool {
        let (broken, holes) = (self.broken.borrow(), self.holes.borrow());
        let mut found = false;
        node.walk(&mut |node| found |= broken.contains(&node.id) || holes.iter().any(|(map, _)| *map == node.id));
        found
    }

    /// Whether its field is one that nobody knows: then nobody knows either what the value is.
    pub fn is_unknown(&self, node: &Node) -> bool {
        self.unknown.borrow().contains(&node.id)
    }

    /// Whether this very value was wrong.
    pub fn is_left_out(&self, node: &Node) -> bool {
        self.broken.borrow().contains(&node.id)
    }

    /// A text where a mapping or a list should be is anything: perhaps a secret's line that lost its place.
    fn hide(&self, root: &Node, error: &ReadError) {
        if let (Some(What::Type(expected)), Some(node)) = (&error.kind, error.node.and_then(|id| error::find(root, id)))
            && ["a mapping", "a list"].contains(&expected.as_str())
        {
            self.unknown.borrow_mut().insert(node.id);
        }
    }

    /// False if it was left out already: then nothing can be gained by another try.
    fn leave_out(&self, error: &ReadError) -> bool {
        match (&error.kind, error.node) {
            (Some(What::Missing(field)), Some(node)) => self.holes.borrow_mut().insert((node, field)),
            (_, Some(node)) => self.broken.borrow_mut().insert(node),
            (_, None) => false,
        }
    }
}

/// One node, to be read.
#[derive(Clone, Copy)]
struct Reader<'de, 'r> {
    node: &'de Node,
    reading: &'r Reading,
}

impl<'de, 'r> Reader<'de, 'r> {
    fn child(self, node: &'de Node) -> Self {
        Self { node, ..self }
    }

    fn is_broken(self) -> bool {
        self.reading.is_left_out(self.node)
    }

    fn scalar(self, expected: &dyn de::Expected) -> Result<(&'de str, Style), ReadError> {
        match &self.node.content {
            Content::Scalar { text, style } => Ok((text, *style)),
            _ => Err(ReadError::wrong_type(self.node, expected)),
        }
    }

    /// A text. What looks like a truth value to some YAML tools and like a text to others has to be quoted.
    fn string(self, expected: &dyn de::Expected) -> Result<&'de str, ReadError> {
        let (text, style) = self.scalar(expected)?;
        if style != Style::Quoted && scalar::is_truth_value(text) {
            return Err(ReadError::new(self.node, What::Ambiguous("a text: put it in quotes")));
        }
        Ok(text)
    }

    fn whole_number(self) -> Result<u32, ReadError> {
        let (text, style) = self.scalar(&"a whole number")?;
        if style == Style::Quoted {
            return Err(ReadError::new(self.node, What::Type("a whole number, without quotes".to_owned())));
        }
        if style == Style::Typed && scalar::is_unusual_number(text) {
            return Err(ReadError::new(self.node, What::Ambiguous("a whole number in plain decimal digits")));
        }
        text.parse().map_err(|_| ReadError::wrong_type(self.node, &"a whole number"))
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            visitor.visit_u32(self.whole_number()?).map_err(|error: ReadError| error.at(self.node))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'de, '_> {
    type Error = ReadError;

    /// Only bodies of requests: any JSON.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let result = match &self.node.content {
            Content::Nothing => visitor.visit_unit(),
            Content::List(_) => return self.deserialize_seq(visitor),
            Content::Map(_) => return self.deserialize_map(visitor),
            Content::Scalar { text, style: Style::Quoted } => visitor.visit_str(text),
            Content::Scalar { text, style: Style::Typed } => match text.as_str() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                _ if scalar::is_unusual_number(text) => {
                    Err(ReadError::new(self.node, What::Ambiguous("a number in plain decimal digits, or quotes")))
                }
                // What would be written back with an exponent could not be read again.
                _ => match serde_json::from_str::<serde_json::Number>(text) {
                    Ok(number) if !number.to_string().contains('e') => {
                        number.deserialize_any(visitor).map_err(|error| de::Error::custom(error.to_string()))
                    }
                    _ => Err(ReadError::new(self.node, What::Ambiguous("a number as JSON writes it, or quotes"))),
                },
            },
            Content::Scalar { text, .. } if scalar::is_truth_value(text) => {
                Err(ReadError::new(self.node, What::Ambiguous("true, false, or quotes")))
            }
            Content::Scalar { text, .. } => visitor.visit_str(text),
        };
        result.map_err(|error: ReadError| error.at(self.node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.content {
            Content::Nothing => visitor.visit_none(),
            _ if self.is_broken() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if name == REQUIRED && self.is_broken() { visitor.visit_none() } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(self.string(&"a text")?).map_err(|error: ReadError| error.at(self.node))
    }

    whole_numbers! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let (text, style) = self.scalar(&"a number")?;
        let number = match style {
            Style::Typed if !scalar::is_unusual_number(text) => text.parse().ok(),
            _ => None,
        };
        let number: f64 = number.ok_or_else(|| {
            ReadError::new(self.node, What::Type("a number in plain decimal digits, without quotes".to_owned()))
        })?;
        visitor.visit_f64(number).map_err(|error: ReadError| error.at(self.node))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Content::List(items) = &self.node.content else {
            return Err(ReadError::wrong_type(self.node, &"a list"));
        };
        let items = items.iter().filter(|item| !self.reading.is_left_out(item)).collect();
        visitor.visit_seq(Items { reader: self, items, next: 0 }).map_err(|error: ReadError| error.at(self.node))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let Content::Map(entries) = &self.node.content else {
            return Err(ReadError::wrong_type(self.node, &"a mapping"));
        };
        let fields = entries
            .iter()
            .filter(|entry| !entry.repeated && !self.reading.is_left_out(&entry.value))
            .map(|entry| (entry.key.as_str(), Some(&entry.value)))
            .collect();
        visitor.visit_map(Fields { reader: self, fields, next: 0 }).map_err(|error: ReadError| error.at(self.node))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Content::Map(entries) = &self.node.content else {
            return Err(ReadError::wrong_type(self.node, &"a mapping"));
        };
        let mut fields = Vec::new();
        for entry in entries.iter().filter(|entry| !entry.repeated) {
            if known.contains(&entry.key.as_str()) {
                fields.push((entry.key.as_str(), Some(&entry.value)));
            } else {
                self.unknown_field(entry, known);
            }
        }
        let holes = self.reading.holes.borrow();
        fields.extend(holes.iter().filter(|(map, _)| *map == self.node.id).map(|(_, field)| (*field, None)));
        drop(holes);
        visitor.visit_map(Fields { reader: self, fields, next: 0 }).map_err(|error: ReadError| error.at(self.node))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let unknown = |one_of_several: bool| ReadError {
            node: Some(self.node.id),
            at_key: !one_of_several,
            kind: Some(What::Variant { variants, one_of_several }),
        };
        let (name, content) = match &self.node.content {
            Content::Scalar { text, .. } => (text, None),
            Content::Map(entries) => match entries.as_slice() {
                [entry] => (&entry.key, Some(&entry.value)),
                _ => return Err(unknown(true)),
            },
            Content::Nothing => {
                let expected = variants.iter().map(|variant| format!("`{variant}`")).collect::<Vec<_>>().join(" or ");
                return Err(ReadError::new(self.node, What::Type(expected)));
            }
            Content::List(_) => return Err(unknown(true)),
        };
        if !variants.contains(&name.as_str()) {
            return Err(unknown(false));
        }
        visitor.visit_enum(Variant { reader: self, name, content }).map_err(|error: ReadError| error.at(self.node))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl Reader<'_, '_> {
    fn unknown_field(self, entry: &Entry, known: &'static [&'static str]) {
        if !self.reading.unknown.borrow_mut().insert(entry.value.id) {
            return;
        }
        let kind = ProblemKind::UnknownField {
            field: entry.shown.clone(),
            within: self.node.path.clone(),
            suggestion: scalar::closest(&entry.key, known),
            known: known.to_vec(),
        };
        let at = entry.value.key.clone().unwrap_or_else(|| entry.value.place());
        self.reading.found.borrow_mut().push(at, kind);
    }
}

struct Items<'de, 'r> {
    reader: Reader<'de, 'r>,
    items: Vec<&'de Node>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(self.reader.child(item)).map(Some).map_err(|error: ReadError| error.at(item))
    }
}

/// A field without a value is a hole: it was missing, and that has been said.
struct Fields<'de, 'r> {
    reader: Reader<'de, 'r>,
    fields: Vec<(&'de str, Option<&'de Node>)>,
    next: usize,
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let Some((key, _)) = self.fields.get(self.next) else { return Ok(None) };
        let key: StrDeserializer<'_, ReadError> = (*key).into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let field = self.fields.get(self.next).and_then(|(_, value)| *value);
        self.next += 1;
        match field {
            Some(node) => seed.deserialize(self.reader.child(node)).map_err(|error: ReadError| error.at(node)),
            None => seed.deserialize(Hole),
        }
    }
}

struct Hole;

impl<'de> de::Deserializer<'de> for Hole {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Variant<'de, 'r> {
    reader: Reader<'de, 'r>,
    name: &'de str,
    content: Option<&'de Node>,
}

impl<'de, 'r> EnumAccess<'de> for Variant<'de, 'r> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ReadError> {
        let name: StrDeserializer<'_, ReadError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de, '_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(ReadError::new(self.reader.node, What::Type(format!("just `{}`", self.name)))),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ReadError> {
        seed.deserialize(self.reader.child(self.content.unwrap_or(self.reader.node)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        de::Deserializer::deserialize_seq(self.reader.child(self.content.unwrap_or(self.reader.node)), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.content {
            Some(content) => de::Deserializer::deserialize_struct(self.reader.child(content), "", fields, visitor)
                .map_err(|error: ReadError| error.at(content)),
            None => {
                let body =
                    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {}: … }}", fields.join(": …, ")) };
                Err(ReadError::new(self.reader.node, What::Type(format!("a mapping: `{}: {body}`", self.name))))
            }
        }
    }
}
