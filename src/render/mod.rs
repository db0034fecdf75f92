//! Reports as text, JSON and YAML: `&Report -> String`.
//! Pure: nothing here prints, reads the system, knows the time, or decides what is wrong.

#![deny(clippy::disallowed_methods)]

mod axis;
mod carrier;
pub mod clock;
mod detail;
pub mod diff;
pub mod drops;
mod ends;
pub mod escape;
pub mod explain;
mod finding;
pub mod history;
mod history_path;
mod inbound;
mod input;
mod invisible;
pub mod json;
mod lookup;
pub mod monitor;
pub mod overview;
mod page;
mod plot;
pub mod summary;
mod table;
pub mod text;
mod way;
pub mod yaml;
