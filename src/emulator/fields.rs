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

/// One field: `name.modifier(argument){a,b}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// The modifiers with their arguments, such as `limit` and `100`.
    modifiers: Vec<(String, String)>,
    /// What stands in the braces, as it was written; empty where there are none.
    pub(super) inside: String,
    /// The same, read; empty where the whole value is asked for.
    sub: Fields,
}

impl Field {
    /// Reads `name`, with modifiers and braces behind it or without.
    fn parse(part: &str) -> Result<Self, Refusal> {
        let (name, mut rest) = part.split_at(part.find(['.', '{']).unwrap_or(part.len()));
        let mut modifiers = Vec::new();
        while let Some(modifier) = rest.strip_prefix('.') {
            let (name, behind) = modifier.split_once('(').ok_or_else(wrong)?;
            let (argument, behind) = behind.split_once(')').ok_or_else(wrong)?;
            modifiers.push((name.trim().to_owned(), argument.trim().to_owned()));
            rest = behind;
        }
        let inside = match rest.strip_prefix('{') {
            Some(inside) => inside.strip_suffix('}').ok_or_else(wrong)?,
            None if rest.trim().is_empty() => "",
            None => return Err(wrong()),
        };
        let name = name.trim().to_owned();
        if name.is_empty() || name.contains(['}', '(', ')']) {
            return Err(wrong());
        }
        Ok(Self { name, modifiers, inside: inside.to_owned(), sub: Fields::parse(inside)? })
    }

    /// Returns the argument of a modifier; one that is empty counts as not given.
    pub(super) fn modifier(&self, name: &str) -> Option<&str> {
        let found = self.modifiers.iter().find(|(modifier, _)| modifier == name);
        found.map(|(_, argument)| argument.as_str()).filter(|argument| !argument.is_empty())
    }
}

fn wrong() -> Refusal {
    Refusal::bad("Syntax error in parameter fields")
}

impl Fields {
    /// Reads what a request asks of a node; it must have all of it.
    pub(super) fn of(request: &Request, node: &Node) -> Result<Self, Refusal> {
        Self::checked(request.param("fields").unwrap_or_default(), node)
    }

    /// Reads what a nested list shall tell of each row.
    pub(super) fn nested(field: &Field, node: &Node) -> Result<Self, Refusal> {
        Self::checked(&field.inside, node)
    }

    fn checked(text: &str, node: &Node) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Self::parse(&node.unasked.join(","));
        }
        let fields = Self::parse(text)?;
        match fields.0.iter().find(|field| !node.fields.contains(&field.name.as_str())) {
            Some(field) => Err(Refusal::unknown_field(&field.name, node.name)),
            None => Ok(fields),
        }
    }

    /// Reads `a,b{c,d},e.limit(3){f}`.
    fn parse(text: &str) -> Result<Self, Refusal> {
        parts(text).map(Field::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Returns a field by its name.
    pub(super) fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    /// Makes a node of what is asked for, and of its id, which always comes; `value` gives what a field holds, or
    /// `None` where the node has none.
    pub(super) fn build(
        &self,
        id: &str,
        mut value: impl FnMut(&Field) -> Result<Option<Value>, Refusal>,
    ) -> Result<Value, Refusal> {
        let mut node = Map::new();
        node.insert("id".to_owned(), id.into());
        for field in self.0.iter().filter(|field| field.name != "id") {
            if let Some(value) = value(field)? {
                node.insert(field.name.clone(), value);
            }
        }
        Ok(Value::Object(node))
    }

    /// Returns what of a whole node is asked for; its id always is.
    pub(super) fn pick(&self, node: &Value) -> Value {
        let mut picked = Map::new();
        for field in &self.0 {
            if let Some(value) = node.get(&field.name) {
                picked.insert(field.name.clone(), field.pick(value));
            }
        }
        if let Some(id) = node.get("id") {
            picked.entry("id").or_insert_with(|| id.clone());
        }
        Value::Object(picked)
    }
}

impl Field {
    /// Picks from the value of the field: a node, or an edge with a list of them.
    pub(super) fn pick(&self, value: &Value) -> Value {
        match value.get("data").and_then(Value::as_array) {
            _ if self.sub.0.is_empty() => value.clone(),
            Some(rows) => {
                let rows: Vec<Value> = rows.iter().map(|row| self.sub.pick(row)).collect();
                serde_json::json!({ "data": rows })
            }
            None => self.sub.pick(value),
        }
    }
}

/// Splits at the commas that stand in no braces and no parentheses; empty parts are left out.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        depth += i32::from(matches!(c, '{' | '(')) - i32::from(matches!(c, '}' | ')'));
        c == ',' && depth == 0
    })
    .filter(|part| !part.trim().is_empty())
}
