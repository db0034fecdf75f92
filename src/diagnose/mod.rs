//! The diagnoses, and how they become a report.
//!
//! `checks` holds one file a cause, in folders by where the packet is lost, and the list of them. `engine` runs them on a `case` (one
//! interface and what is known of it) and masks what merely follows from another cause; `commands` has what a person may type. CONTRIBUTING.md says how one is added.

#![deny(clippy::disallowed_methods)]

mod attempt;
mod case;
mod charon_log;
mod checks;
mod classify;
mod cleared;
pub mod commands;
mod counted;
mod diagnosis;
mod engine;
mod fits;
mod flow_report;
mod flows;
mod found;
mod inbound;
mod interfaces;
mod lookup;
mod mask;
mod mtu;
mod summary;
mod systems;
mod unconfirmed;
mod unsettled;
mod validation;
mod vpp;

pub use case::{Case, Extent};
pub use checks::DIAGNOSES;
pub use classify::cause;
pub use diagnosis::{Diagnosis, MaskedBy, Outcome};
pub use engine::{Observation, each, run, run_to};
pub use found::Found;
pub(crate) use interfaces::no_such_interface;
pub use lookup::lookup;
pub use unconfirmed::Unconfirmed;
