//! Bodies of the type `multipart/form-data`, which `curl -F` sends.

/// Returns the boundary of a content type, if it is `multipart/form-data`.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut parameters = parameters.split(';').map(str::trim);
    parameters.find_map(|parameter| parameter.strip_prefix("boundary=")).map(|value| value.trim_matches('"'))
}

/// Returns the names and values of the parts. Parts without a name are skipped.
pub(super) fn pairs(body: &[u8], boundary: &str) -> Vec<(String, String)> {
    let body = String::from_utf8_lossy(body);
    let delimiter = format!("--{boundary}");
    body.split(&delimiter).filter_map(pair).collect()
}

fn pair(part: &str) -> Option<(String, String)> {
    let (headers, value) = part.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
    let is_disposition = |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
    let disposition = headers.lines().find(is_disposition)?;
    let mut parameters = disposition.split(';').map(str::trim);
    let name = parameters.find_map(|parameter| parameter.strip_prefix("name="))?;
    let value = value.strip_suffix("\r\n").unwrap_or(value);
    Some((name.trim_matches('"').to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_form_are_pairs() {
        let kind = "multipart/form-data; boundary=------------------------x7";
        let boundary = boundary(kind).unwrap();
        let part = |name: &str, value: &str| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = format!("{}{}--{boundary}--\r\n", part("user", "101"), part("tasks", "['MANAGE']"));
        let expected =
            [("user", "101"), ("tasks", "['MANAGE']")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(pairs(body.as_bytes(), boundary), expected);
    }

    #[test]
    fn other_content_types_have_no_boundary() {
        for kind in ["application/json", "multipart/mixed; boundary=x", "multipart/form-data"] {
            assert_eq!(boundary(kind), None, "{kind}");
        }
    }
}
