//! Reads the directory (system users and WABAs) and the assignments.

mod assignments;
mod classify;
mod directory;
mod left_out;
mod observe;
mod solutions;
mod strategy;
mod waba_lists;

pub use assignments::PrefetchedAssignments;
pub use classify::WabaAssignments;
pub use directory::DirectoryRequest;
pub use observe::{ObserveRequest, UserSides};
