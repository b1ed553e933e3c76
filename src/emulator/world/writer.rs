//! Writes a [`World`] as compact YAML that [`World::from_yaml`] reads: a line for each assignment, in the order of ids.
//!
//! It is written from the world without a copy in between, because a snapshot can have hundreds of thousands of lines.

use super::{PartnerSolution, Token, User, UserKind, Waba, World};
use crate::model::{BusinessId, Refusal, SnapshotMark, TaskSet, UserId, WabaId};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

/// What the first lines of a snapshot say.
const HEADER: &str = "\
# A copy of live access by `wabacl snapshot`, for the embedded emulator: --emulate FILE.
# It names customers and people, and holds no secret.
";

/// The words that need no quotes.
const PLAIN: [&str; 6] = ["ADMIN", "EMPLOYEE", "BUSINESS_USER", "PERSONAL_USER", "SYSTEM_USER", "ACTIVE"];

impl World {
    /// Returns the world as YAML that [`World::from_yaml`] parses, without the tokens that the emulator issued.
    ///
    /// # Panics
    ///
    /// Never: writing to memory does not fail, and what is written is text.
    pub fn to_yaml(&self) -> String {
        let mut bytes = Vec::new();
        self.write_yaml(&mut bytes).expect("writing to memory does not fail");
        String::from_utf8(bytes).expect("the writer writes text")
    }

    /// Writes the world as [`World::to_yaml`] returns it.
    ///
    /// # Errors
    ///
    /// If the writer fails.
    pub fn write_yaml(&self, to: &mut dyn Write) -> io::Result<()> {
        if let Some(mark) = &self.snapshot {
            to.write_all(HEADER.as_bytes())?;
            writeln!(to, "snapshot: {}", snapshot(mark))?;
        }
        if let Some(app) = self.app {
            let secret = self.app_secret.as_deref();
            writeln!(to, "app: {}", Flow::new().set("id", app).maybe("secret", secret.map(Quoted)))?;
        }
        self.write_businesses(to)?;
        self.write_users_without_business(to)?;
        if !self.solutions.is_empty() {
            writeln!(to, "solutions:")?;
        }
        for (id, entry) in &self.solutions {
            writeln!(to, "  - {}", solution(id, entry))?;
        }
        writeln!(to, "wabas:{}", if self.wabas.is_empty() { " []" } else { "" })?;
        for (id, waba) in &self.wabas {
            self.write_waba(*id, waba, to)?;
        }
        let kept = self.tokens.iter().filter(|(_, token)| !token.issued);
        for (index, (text, entry)) in kept.enumerate() {
            if index == 0 {
                writeln!(to, "tokens:")?;
            }
            writeln!(to, "  - {}", token(text, entry))?;
        }
        Ok(())
    }

    /// Writes the businesses with their users, the first one first.
    fn write_businesses(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut users: BTreeMap<BusinessId, [Vec<(UserId, &User)>; 2]> = BTreeMap::new();
        for (id, user) in &self.users {
            let Some(business) = user.business else { continue };
            let [system_users, people] = users.entry(business).or_default();
            let list = if matches!(user.kind, UserKind::System { .. }) { system_users } else { people };
            list.push((*id, user));
        }
        writeln!(to, "businesses:{}", if self.businesses.is_empty() { " []" } else { "" })?;
        let others = self.businesses.keys().filter(|id| Some(**id) != self.first);
        for id in self.first.iter().chain(others) {
            writeln!(to, "  - id: {id}")?;
            if let Some(name) = self.businesses.get(id).filter(|name| !name.is_empty()) {
                writeln!(to, "    name: {}", Quoted(name))?;
            }
            let Some(lists) = users.get(id) else { continue };
            for (key, list) in ["system_users", "people"].into_iter().zip(lists) {
                if !list.is_empty() {
                    writeln!(to, "    {key}:")?;
                }
                for (id, entry) in list {
                    writeln!(to, "      - {}", user(*id, entry))?;
                }
            }
        }
        Ok(())
    }

    fn write_users_without_business(&self, to: &mut dyn Write) -> io::Result<()> {
        let unknown = self.users.iter().filter(|(_, user)| user.business.is_none());
        for (index, (id, entry)) in unknown.enumerate() {
            if index == 0 {
                writeln!(to, "users:")?;
            }
            writeln!(to, "  - {}", user(*id, entry))?;
        }
        Ok(())
    }

    fn write_waba(&self, id: WabaId, waba: &Waba, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "  - id: {id}\n    name: {}", Quoted(&waba.name))?;
        if let Some(owner) = waba.owner {
            writeln!(to, "    owned_by: {owner}")?;
        }
        if !waba.clients.is_empty() {
            let share = |(id, tasks): (&BusinessId, &Option<TaskSet>)| {
                Flow::new().set("business", id).maybe("permitted_tasks", tasks.as_ref().map(Tasks)).end()
            };
            writeln!(to, "    shared_with: {}", List(waba.clients.iter().map(share).collect()))?;
        }
        if waba.solutions.len() == 1 {
            writeln!(to, "    solution: {}", List::bare(&waba.solutions))?;
        } else if !waba.solutions.is_empty() {
            writeln!(to, "    solutions: {}", List::of(&waba.solutions))?;
        }
        write_details(waba, to)?;
        for (key, refused) in
            [("solutions_unreadable", &waba.solutions_unreadable), ("unreadable", &waba.unreadable)]
        {
            if let Some(refused) = refused {
                writeln!(to, "    {key}: {}", refusal(refused))?;
            }
        }
        for (index, (user, tasks)) in self.assignments.on(id).enumerate() {
            if index == 0 {
                writeln!(to, "    assigned:")?;
            }
            writeln!(to, "      - {{ user: {user}, tasks: {} }}", Tasks(tasks))?;
        }
        Ok(())
    }
}

/// Writes what nothing depends on, where it is not the default.
fn write_details(waba: &Waba, to: &mut dyn Write) -> io::Result<()> {
    let about = &waba.about;
    for (key, value, default) in [
        ("status", &about.status, "ACTIVE"),
        ("account_review_status", &about.account_review_status, "APPROVED"),
        ("business_verification_status", &about.business_verification_status, "verified"),
        ("currency", &about.currency, "USD"),
        ("timezone_id", &about.timezone_id, "1"),
    ] {
        if value != default {
            writeln!(to, "    {key}: {}", Quoted(value))?;
        }
    }
    if let Some(country) = &about.country {
        writeln!(to, "    country: {}", Quoted(country))?;
    }
    if !waba.phone_numbers.is_empty() {
        writeln!(to, "    phone_numbers:")?;
    }
    for (id, number) in &waba.phone_numbers {
        let display = Quoted(&number.display);
        let number = Flow::new().set("id", id).set("display_phone_number", display);
        let verified_name = waba.phone_numbers.get(id).map(|number| Quoted(&number.verified_name));
        writeln!(to, "      - {}", number.maybe("verified_name", verified_name))?;
    }
    if !waba.subscribed_apps.is_empty() {
        writeln!(to, "    subscribed_apps: {}", List::of(&waba.subscribed_apps))?;
    }
    Ok(())
}

fn snapshot(mark: &SnapshotMark) -> String {
    let left_out = (!mark.left_out.is_empty()).then(|| List::of(&mark.left_out));
    Flow::new()
        .set("taken", mark.taken)
        .set("business", mark.business)
        .maybe("acting_user", mark.acting_user)
        .maybe("without_names", mark.without_names.then_some(true))
        .maybe("changed", mark.changed.then_some(true))
        .maybe("left_out", left_out)
        .end()
}

fn user(id: UserId, user: &User) -> String {
    let name = (!user.name.is_empty()).then_some(Quoted(&user.name));
    let entry = Flow::new().set("id", id);
    let (name, entry) = match &user.kind {
        // The name of a system user is required.
        UserKind::System { .. } => (None, entry.set("name", Quoted(&user.name))),
        UserKind::Person { .. } => (name, entry),
    };
    let entry = entry.maybe("name", name);
    let entry = match &user.kind {
        UserKind::System { role, listed, in_directory } => entry
            .unless_default("role", role.as_deref(), "EMPLOYEE")
            .maybe("listed", (!listed).then_some(false))
            .maybe("in_directory", (!in_directory).then_some(false)),
        UserKind::Person { user_type } => {
            entry.unless_default("user_type", user_type.as_deref(), "BUSINESS_USER")
        }
    };
    entry.maybe("wabas_unreadable", user.wabas_unreadable.as_deref().map(refusal)).end()
}

fn solution(id: &impl Display, solution: &PartnerSolution) -> String {
    let partner = |(app, tasks): (&_, &Option<TaskSet>)| {
        Flow::new().set("app", app).permissions("permissions", tasks.as_ref()).end()
    };
    let partners: Vec<String> = solution.partners.iter().map(partner).collect();
    Flow::new()
        .set("id", id)
        .set("name", Quoted(&solution.name))
        .unless_default("status", solution.status.as_deref(), "ACTIVE")
        .maybe("owner_app", solution.owner_app)
        .permissions("owner_permissions", solution.owner_permissions.as_ref())
        .maybe("partners", (!partners.is_empty()).then_some(List(partners)))
        .end()
}

fn token(text: &str, token: &Token) -> String {
    let scopes = token.scopes.iter().map(|scope| Quoted(scope).to_string()).collect();
    Flow::new()
        .set("token", Quoted(text))
        .set("user", token.user)
        .maybe("app", token.app)
        .set("expires_at", token.expires_at)
        .set("scopes", List(scopes))
        .end()
}

fn refusal(refusal: &Refusal) -> String {
    let Refusal { status, code, subcode, message } = refusal;
    let status = (*status != 400).then_some(status);
    Flow::new()
        .maybe("status", status)
        .set("code", code)
        .maybe("subcode", *subcode)
        .set("message", Quoted(message))
        .end()
}

/// A map in braces.
struct Flow(String);

impl Flow {
    fn new() -> Self {
        Self(String::from("{"))
    }

    fn set(mut self, key: &str, value: impl Display) -> Self {
        let comma = if self.0.len() > 1 { "," } else { "" };
        write!(self.0, "{comma} {key}: {value}").expect("writing to a string cannot fail");
        self
    }

    fn maybe(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    /// Sets a word that is left out if it is the default. An unknown one is null.
    fn unless_default(self, key: &str, value: Option<&str>, default: &str) -> Self {
        match value {
            None => self.set(key, "null"),
            Some(value) if value == default => self,
            Some(value) if PLAIN.contains(&value) => self.set(key, value),
            Some(value) => self.set(key, Quoted(value)),
        }
    }

    /// Sets permissions that are empty by default. Unknown ones are null.
    fn permissions(self, key: &str, tasks: Option<&TaskSet>) -> Self {
        match tasks {
            None => self.set(key, "null"),
            Some(tasks) => self.set(key, Tasks(tasks)),
        }
    }

    fn end(self) -> String {
        self.0 + " }"
    }
}

impl Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} }}", self.0)
    }
}

/// A list in brackets.
struct List(Vec<String>);

impl List {
    fn of(items: impl IntoIterator<Item = impl Display>) -> Self {
        Self(items.into_iter().map(|item| item.to_string()).collect())
    }

    /// Returns the items without brackets.
    fn bare(items: impl IntoIterator<Item = impl Display>) -> String {
        Self::of(items).0.join(", ")
    }
}

impl Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0.join(", "))
    }
}

/// A list of tasks. Known names are plain words, others are quoted.
struct Tasks<'a>(&'a TaskSet);

impl Display for Tasks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        for (index, name) in self.0.names().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            if name.parse::<crate::model::Task>().is_ok() {
                f.write_str(name)?;
            } else {
                Quoted(name).fmt(f)?;
            }
        }
        f.write_char(']')
    }
}

/// A string in double quotes, in one line of printable characters.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                c if is_printable(c) => f.write_char(c)?,
                c if u32::from(c) <= 0xffff => write!(f, "\\u{:04X}", u32::from(c))?,
                c => write!(f, "\\U{:08X}", u32::from(c))?,
            }
        }
        f.write_char('"')
    }
}

/// Returns whether a character may stand in a quoted string, and is shown as itself: no control character, no invisible or
/// bidirectional one, and none that YAML forbids.
fn is_printable(c: char) -> bool {
    let is_forbidden = matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff);
    !is_forbidden && crate::text::escape(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8()
}
