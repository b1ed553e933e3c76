//! WABAs from CSV files.

use super::*;

/// The manifest that names a table.
const NAMES_IT: &str = "version: 1
business: 1
system_users: { bot: { id: 2 } }
wabas: { yaml: { id: 3 } }
wabas_from: [customers.csv, customers.csv]
grants: [{ users: [bot], tasks: [DEVELOP], wabas: ['*'] }]
";

fn with_table(table: &str) -> Sources {
    let mut sources = Sources::default();
    let manifest = sources.add("access.yaml", NAMES_IT);
    let id = sources.add("customers.csv", table);
    sources.add_table(manifest, "customers.csv", Ok(id));
    sources
}

/// Parses the manifest with a table, and returns a line for each diagnostic.
fn found(table: &str) -> String {
    let sources = with_table(table);
    let (manifest, diagnostics) = parse(&sources);
    assert_eq!(manifest.is_none(), diagnostics.iter().any(Diagnostic::is_error));
    let mut lines = String::new();
    for Diagnostic { code, message, at, .. } in &diagnostics {
        let at = at.unwrap();
        writeln!(lines, "{}:{}:{} {code}: {message}", sources.path(at.source), at.line, at.column).unwrap();
    }
    lines
}

/// Parses the manifest with a table, and shows the WABAs of the table.
fn wabas(table: &str) -> String {
    let sources = with_table(table);
    let (manifest, diagnostics) = parse(&sources);
    let manifest = manifest.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let mut lines = String::new();
    for (name, waba) in manifest.wabas.iter().filter(|(name, _)| name.as_str() != "yaml") {
        let WabaDeclaration { at, id, shared, labels, prune, .. } = waba;
        let place = format!("{}:{}:{}", sources.path(at.source), at.line, at.column);
        let flags = (waba.line_of_credit.is_some(), waba.gone.is_some(), waba.accept.len());
        writeln!(lines, "{place} {name} {} {:?} {labels:?} {prune:?} {flags:?}", id.value, shared.value)
            .unwrap();
    }
    lines
}

#[test]
fn a_row_is_a_waba_and_an_empty_cell_is_no_value() {
    assert_snapshot!(wabas("name,id,label:tier,shared,line_of_credit,prune,gone,accept,label:region\r\n\
        acme,10,gold,standard,,none,,task-on-standard until-without-prune,\r\n\
        \r\n\
        \"Müller, \"\"Söhne\"\"\",11,0102,\"\",true,,true,,eu"), @r#"
    customers.csv:4:1 Müller, "Söhne" 11 Owned {"region": "eu", "tier": "0102"} None (true, true, 0)
    customers.csv:2:1 acme 10 Standard {"tier": "gold"} Some(None) (false, false, 2)
    "#);
    assert_snapshot!(wabas("id,name\n"), @"");
}

#[test]
fn errors_in_a_table_have_its_line_and_column() {
    assert_snapshot!(found("id,name,shared,label:tier,label:size,lable:x,prune\n\
        10,ok,owned,a,b,c,all\n\
        x1,bad id,lent,,,,\n\
        12,\"a,b\",owned,,,,sometimes\n\
        13,acme*,,,,,\n\
        14,=SUM(A1),,,,,\n\
        15,short\n\
        16,long,,,,,,,\n\
        ,no id,,,,,\n\
        17,,,,,,\n\
        1.02E+14,sheet,,,,,\n\
        18,yaml,,,,,\n\
        10,again,,,,,\n"), @r"
    customers.csv:1:38 unknown-column: unknown column `lable:x`
    customers.csv:3:1 bad-id: `x1` is not a valid id: it contains a character that is not a digit
    customers.csv:3:11 bad-word: unknown value `lent`
    customers.csv:4:19 bad-word: unknown value `sometimes`
    customers.csv:5:4 name-is-a-glob: the name `acme*` contains a wildcard
    customers.csv:6:4 reserved-name: the name `=SUM(A1)` begins with a reserved character
    customers.csv:7:1 table-cells: this row has 2 cells, but the first line names 7 columns
    customers.csv:8:14 table-cells: this row has 9 cells, but the first line names 7 columns
    customers.csv:9:1 missing-cell: this row has no `id`
    customers.csv:10:1 missing-cell: this row has no `name`
    customers.csv:11:1 bad-id: `1.02E+14` is not a valid id: it contains a character that is not a digit
    customers.csv:12:4 duplicate-name: duplicate WABA `yaml`
    customers.csv:13:1 same-thing-twice: WABA 10 is declared under two names
    ");
}

#[test]
fn a_table_that_cannot_be_understood_is_not_read_in_part() {
    assert_snapshot!(found(""), @"customers.csv:1:1 missing-column: the file has no column `id`");
    assert_snapshot!(found("name,shared\nacme,owned\n"), @"customers.csv:1:1 missing-column: the file has no column `id`");
    assert_snapshot!(found("id,name,label:a,name\n1,x,y\n"), @"customers.csv:1:17 duplicate-column: duplicate column `name`");
    assert_snapshot!(found("id;name;shared\n1;acme;owned\n"), @r"
    customers.csv:1:1 unknown-column: unknown column `id;name;shared`
    customers.csv:1:1 missing-column: the file has no column `id`
    ");
    assert_snapshot!(found("id,name\n1,\"acme\n2,globex\n"), @"customers.csv:2:3 table-syntax: invalid CSV: the quote of this cell is not closed on its line");
    assert_snapshot!(found("id,name\n1,é\"\"x,\"ac\"me\"\n"), @"customers.csv:2:12 table-syntax: invalid CSV: text follows a closing quote");
    assert_snapshot!(found("id,name\r1,acme\n"), @"customers.csv:1:8 lone-carriage-return: found a carriage return without a line feed");
    assert_snapshot!(found("id,name\n1,ac\0me\n"), @"customers.csv:2:5 nul-character: found a NUL character");
}

#[test]
fn a_table_that_was_not_read_is_an_error_that_says_why() {
    let mut sources = Sources::default();
    let manifest = sources.add("access.yaml", NAMES_IT.replace("'*'", "acme"));
    let (_, diagnostics) = parse(&sources);
    assert_eq!(diagnostics[0].message, "cannot read `customers.csv`: it was not read");
    assert_eq!(
        diagnostics[2].help.as_deref(),
        Some("it may be declared in a document that could not be parsed")
    );
    sources.add_table(manifest, "customers.csv", Err(String::from("it is a \u{1b}folder")));
    let (_, diagnostics) = parse(&sources);
    assert_eq!(diagnostics[0].message, "cannot read `customers.csv`: it is a \\u{1b}folder");
}

#[test]
fn the_names_of_tables_are_found_in_every_document() {
    assert_eq!(
        table_names("version: 1\nwabas_from: [a.csv]\n---\nversion: 1\nwabas_from:\n  - b.csv\n"),
        ["a.csv", "b.csv"]
    );
    assert_eq!(table_names("version: 1\n"), [""; 0]);
    assert_eq!(table_names("wabas_from: {"), [""; 0]);
}

#[test]
fn too_many_rows_or_columns_are_an_error() {
    let rows: Vec<String> = (1..=500_001).map(|id| format!("{id},w{id}\n")).collect();
    assert_snapshot!(found(&format!("id,name\n{}", rows.concat())), @r"
    customers.csv:500002:1 table-limit: the file has more than 500,000 rows
    customers.csv:4:1 same-thing-twice: WABA 3 is declared under two names
    ");
    let columns: Vec<String> = (0..999).map(|number| format!("label:{number}")).collect();
    assert_snapshot!(found(&format!("id,name,{}\n", columns.join(","))), @"customers.csv:1:9879 table-limit: the file has more than 1,000 columns");
}

proptest! {
    #[test]
    fn any_text_as_a_table_results_in_wabas_or_an_error(table in "(id|name|label:a|[0-9]{1,3}|[a-z]|\"|,|\n|\r\n|é| ){0,40}") {
        let _ = found(&table);
        let _ = found(&format!("id,name,label:a\n{table}"));
    }
}
