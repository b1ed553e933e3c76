//! The parameter `fields`: which fields of a node, and of what is nested in it, an answer holds.

use super::refusal::Refusal;
use super::request::Request;
use serde_json::{Map, Value};

/// A kind of node: what the API calls it, the fields it has, and those that come unasked.
pub(super) struct Node {
    pub(super) name: &'static str,
    pub(super) fields: &'static [&'static str],
    pub(super) unasked: &'static [&'static str],
}

/// The fields that a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<Field>);

/// One field; `sub` is empty where the whole value is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: String,
    sub: Fields,
}

impl Fields {
    /// Reads what a request asks of a node; it must have all of it.
    pub(super) fn of(request: &Request, node: &Node) -> Result<Self, Refusal> {
        let Some(text) = request.param("fields") else {
            return Self::parse(&node.unasked.join(","));
        };
        let fields = Self::parse(text)?;
        match fields.0.iter().find(|field| !node.fields.contains(&field.name.as_str())) {
            Some(field) => Err(Refusal::unknown_field(&field.name, node.name)),
            None => Ok(fields),
        }
    }

    /// Reads `a,b{c,d}`.
    fn parse(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::bad("Syntax error in parameter fields");
        let mut fields = Vec::new();
        for part in parts(text) {
            let (name, sub) = match part.split_once('{') {
                Some((name, rest)) => (name, Self::parse(rest.strip_suffix('}').ok_or_else(wrong)?)?),
                None => (part, Self::default()),
            };
            if name.contains('}') {
                return Err(wrong());
            }
            fields.push(Field { name: name.trim().to_owned(), sub });
        }
        Ok(Self(fields))
    }

    /// Gives what of a whole node is asked for; its id always is.
    pub(super) fn pick(&self, node: &Value) -> Value {
        let mut picked = Map::new();
        for field in &self.0 {
            if let Some(value) = node.get(&field.name) {
                picked.insert(field.name.clone(), field.sub.pick_nested(value));
            }
        }
        if let Some(id) = node.get("id") {
            picked.entry("id").or_insert_with(|| id.clone());
        }
        Value::Object(picked)
    }

    /// Picks from a nested value: a node, or an edge with a list of them.
    fn pick_nested(&self, value: &Value) -> Value {
        match value.get("data").and_then(Value::as_array) {
            _ if self.0.is_empty() => value.clone(),
            Some(rows) => {
                serde_json::json!({ "data": rows.iter().map(|row| self.pick(row)).collect::<Vec<_>>() })
            }
            None => self.pick(value),
        }
    }
}

/// Splits at the commas that stand in no braces; empty parts are left out.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    })
    .filter(|part| !part.is_empty())
}
