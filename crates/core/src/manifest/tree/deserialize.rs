use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Children, MAPPING, Node, SEQUENCE, Scalar, Shape};

/// That a document does not have the shape of its type. What exactly is wrong
/// with it is found by the walk along the schema, so this is only a fallback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::manifest) struct Mismatch(pub(in crate::manifest) String);

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'t> Node<'t> {
    fn visit<V: Visitor<'t>>(self, scalar: Scalar<'t>, visitor: V) -> Result<V::Value, Mismatch> {
        match self.shape() {
            Shape::Mapping => visitor.visit_map(Entries {
                children: self.children(MAPPING),
                value: None,
            }),
            Shape::Sequence => visitor.visit_seq(Entries {
                children: if self.tree.aside == Some(self.index) {
                    // No sequence is a mapping, so there are none.
                    self.children(MAPPING)
                } else {
                    self.children(SEQUENCE)
                },
                value: None,
            }),
            Shape::Scalar => match scalar {
                Scalar::Null => visitor.visit_unit(),
                Scalar::Boolean(value) => visitor.visit_bool(value),
                Scalar::Integer(value) => match (u64::try_from(value), i64::try_from(value)) {
                    (Ok(value), _) => visitor.visit_u64(value),
                    (_, Ok(value)) => visitor.visit_i64(value),
                    _ => visitor.visit_i128(value),
                },
                Scalar::Float => Err(de::Error::invalid_type(
                    Unexpected::Other("a number with a fraction"),
                    &visitor,
                )),
                Scalar::Text(text) => visitor.visit_borrowed_str(text),
            },
        }
    }
}

impl<'t> Deserializer<'t> for Node<'t> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.visit(self.scalar(), visitor)
    }

    fn deserialize_bool<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.visit(self.loose_scalar(), visitor)
    }

    fn deserialize_u32<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.visit(self.loose_scalar(), visitor)
    }

    /// A field without a value is a mistake, not an absent field.
    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match (self.shape(), self.scalar()) {
            (Shape::Scalar, Scalar::Text(text)) => visitor.visit_enum(Word(text)),
            // One of several fields, such as where a secret comes from.
            (Shape::Mapping, _) if self.pairs().count() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Entries {
                    children: self.children(MAPPING),
                    value: None,
                }))
            }
            (Shape::Mapping, _) => Err(Mismatch("expected exactly one field".to_owned())),
            (_, other) => Err(Mismatch(format!(
                "expected a word, found {}",
                other.describe()
            ))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'t>>
        i8 i16 i32 i64 i128 u8 u16 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

struct Entries<'t> {
    children: Children<'t>,
    value: Option<Node<'t>>,
}

impl<'t> SeqAccess<'t> for Entries<'t> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'t>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mismatch> {
        self.children
            .next()
            .map(|node| seed.deserialize(node))
            .transpose()
    }
}

impl<'t> MapAccess<'t> for Entries<'t> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'t>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        let Some(key) = self.children.next() else {
            return Ok(None);
        };
        self.value = self.children.next();
        // Keys are names: `123:` is the text 123.
        let text: StrDeserializer<'t, Mismatch> = key.text().into_deserializer();
        seed.deserialize(text).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value, Mismatch> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(Mismatch("a key without a value".to_owned())),
        }
    }
}

/// A word as the variant of an enum that holds nothing.
struct Word<'t>(&'t str);

impl<'t> EnumAccess<'t> for Word<'t> {
    type Error = Mismatch;
    type Variant = Nothing;

    fn variant_seed<V: DeserializeSeed<'t>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Nothing), Mismatch> {
        let text: StrDeserializer<'t, Mismatch> = self.0.into_deserializer();
        Ok((seed.deserialize(text)?, Nothing))
    }
}

struct Nothing;

impl<'t> VariantAccess<'t> for Nothing {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'t>>(self, _: T) -> Result<T::Value, Mismatch> {
        Err(Mismatch("expected a word".to_owned()))
    }

    fn tuple_variant<V: Visitor<'t>>(self, _: usize, _: V) -> Result<V::Value, Mismatch> {
        Err(Mismatch("expected a word".to_owned()))
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Mismatch> {
        Err(Mismatch("expected a word".to_owned()))
    }
}
