//! The parameter `fields`: the selection of fields of a node and of the nodes nested in it.

use super::rejection::Rejection;
use super::request::ApiRequest;
use serde_json::{Map, Value};

/// A type of node.
pub(crate) struct NodeType {
    /// The name in error messages.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [&'static str],
    /// The fields that a response contains if the request selects none.
    pub(crate) default_fields: &'static [&'static str],
}

/// A selection of fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<Field>);

/// A selected field: `name.modifier(argument){a,b}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// The modifiers with their arguments, such as `limit` and `100`.
    modifiers: Vec<(String, String)>,
    /// The text in the braces; empty if there are none.
    pub(crate) inside: String,
    /// The parsed text in the braces; empty if the whole value is selected.
    sub: Fields,
}

impl Field {
    /// Parses `name`, with or without modifiers and braces.
    fn parse(part: &str) -> Result<Self, Rejection> {
        let (name, mut rest) = part.split_at(part.find(['.', '{']).unwrap_or(part.len()));
        let mut modifiers = Vec::new();
        while let Some(modifier) = rest.strip_prefix('.') {
            let (name, behind) = modifier.split_once('(').ok_or_else(syntax_error)?;
            let (argument, behind) = behind.split_once(')').ok_or_else(syntax_error)?;
            modifiers.push((name.trim().to_owned(), argument.trim().to_owned()));
            rest = behind;
        }
        let inside = match rest.strip_prefix('{') {
            Some(inside) => inside.strip_suffix('}').ok_or_else(syntax_error)?,
            None if rest.trim().is_empty() => "",
            None => return Err(syntax_error()),
        };
        let name = name.trim().to_owned();
        if name.is_empty() || name.contains(['}', '(', ')']) {
            return Err(syntax_error());
        }
        Ok(Self { name, modifiers, inside: inside.to_owned(), sub: Fields::parse(inside)? })
    }

    /// Returns the argument of a modifier. An empty one counts as absent.
    pub(crate) fn modifier(&self, name: &str) -> Option<&str> {
        let found = self.modifiers.iter().find(|(modifier, _)| modifier == name);
        found.map(|(_, argument)| argument.as_str()).filter(|argument| !argument.is_empty())
    }
}

fn syntax_error() -> Rejection {
    Rejection::bad("Syntax error in parameter fields")
}

impl Fields {
    /// Parses the parameter `fields` of a request.
    ///
    /// # Errors
    ///
    /// If the syntax is wrong, or the node type lacks a field.
    pub(crate) fn of(request: &ApiRequest, node: &NodeType) -> Result<Self, Rejection> {
        Self::checked(request.param("fields").unwrap_or_default(), node)
    }

    /// Parses the parameter `fields` of a request. A field that the node type lacks is absent in the response.
    ///
    /// # Errors
    ///
    /// If the syntax is wrong.
    pub(crate) fn known(request: &ApiRequest, node: &NodeType) -> Result<Self, Rejection> {
        match request.param("fields") {
            Some(text) => Self::parse(text),
            None => Self::checked("", node),
        }
    }

    /// Parses the selection in the braces of a field that contains a list.
    ///
    /// # Errors
    ///
    /// If the node type lacks a field.
    pub(crate) fn nested(field: &Field, node: &NodeType) -> Result<Self, Rejection> {
        Self::checked(&field.inside, node)
    }

    fn checked(text: &str, node: &NodeType) -> Result<Self, Rejection> {
        if text.is_empty() {
            return Self::parse(&node.default_fields.join(","));
        }
        let fields = Self::parse(text)?;
        match fields.0.iter().find(|field| !node.fields.contains(&field.name.as_str())) {
            Some(field) => Err(Rejection::unknown_field(&field.name, node.name)),
            None => Ok(fields),
        }
    }

    /// Parses `a,b{c,d},e.limit(3){f}`.
    fn parse(text: &str) -> Result<Self, Rejection> {
        parts(text).map(Field::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Returns a selected field by name.
    pub(crate) fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    /// Builds a node of the selected fields and the id, which is always present. `value` returns a field's value, or
    /// `None` if the node has none.
    ///
    /// # Errors
    ///
    /// The error of `value`.
    pub(crate) fn build(
        &self,
        id: &str,
        mut value: impl FnMut(&Field) -> Result<Option<Value>, Rejection>,
    ) -> Result<Value, Rejection> {
        let mut node = Map::new();
        node.insert("id".to_owned(), id.into());
        for field in self.0.iter().filter(|field| field.name != "id") {
            if let Some(value) = value(field)? {
                node.insert(field.name.clone(), value);
            }
        }
        Ok(Value::Object(node))
    }

    /// Returns the selected fields of a node, and its id, which is always selected.
    pub(crate) fn pick(&self, node: &Value) -> Value {
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
    /// Returns the selected part of the field's value: a node, or a list of nodes.
    pub(crate) fn pick(&self, value: &Value) -> Value {
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

/// Splits at the commas outside braces and parentheses. Skips empty parts.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        depth += i32::from(matches!(c, '{' | '(')) - i32::from(matches!(c, '}' | ')'));
        c == ',' && depth == 0
    })
    .filter(|part| !part.trim().is_empty())
}
