//! `wabacl whoami`.

use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, Connection};
use super::terminal::Terminal;
use crate::engine::{self, Session};
use crate::model::{AdminRole, BusinessId};
use crate::text::{count, escape};
use std::fmt::Write as _;

/// Checks the token: its user, role, scopes and expiry
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The business in which the user's role is looked up
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    options::check_stdin(args.connection.secret_files())?;
    let connected = CheckedConnection::new(&args.connection)?.connect(args.business, events).await?;
    let session = &connected.session;
    let me = session.me().await?;
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(text, "user:    {} ({})", me.name, me.id);
    if let Some(token) = session.token() {
        if let Some(app) = token.app_id {
            let _ = writeln!(text, "app:     {app}");
        }
        let scopes: Vec<_> = token.scopes.iter().map(|scope| escape(scope)).collect();
        let _ = writeln!(text, "scopes:  {}", scopes.join(", "));
        match token.expires_at {
            Some(ends) => _ = writeln!(text, "expires: {ends}"),
            None => text.push_str("expires: never\n"),
        }
    } else {
        text.push_str("the API does not report the token's scopes and expiry\n");
    }
    if let Some(business) = args.business {
        role(session, business, &mut text).await?;
    }
    terminal.product(&text)?;
    Ok(Exit::Done)
}

/// Appends the user's role in a business, and what it can do there.
async fn role(session: &Session, business: BusinessId, text: &mut String) -> Result<(), Failure> {
    let directory = session.directory(business).await?;
    let user = session.acting_user().and_then(|user| directory.system_users.get(&user));
    let role = match user.map(|user| user.role) {
        Some(AdminRole::Admin) => "ADMIN: plan, drift and apply",
        Some(AdminRole::Employee) => "EMPLOYEE: plan and drift; apply needs an ADMIN",
        Some(AdminRole::Unknown) => "not reported",
        None => "not among the system users of this business",
    };
    let _ = writeln!(text, "role:    {role}");
    let users = count(directory.system_users.len(), "system user", "system users");
    let wabas = count(directory.wabas.len(), "WABA", "WABAs");
    let _ = writeln!(text, "sees:    {users}, {wabas} of the business {business}");
    Ok(())
}
