//! VyOS's operational mode: our commands, from their XML to the files and cache entries from which VyOS runs them, and the check of the names
//! that VyOS passes to us. Pure: it reads and writes no file, and runs nothing.
//!
//! `op-mode-definitions/vti-diagnostics.xml` is the only source. VyOS compiles its own XML while it builds its packages, and a router has
//! none. So ours is compiled while our package is built (`node_def`), and merged into VyOS's cache where it is installed (`op_cache`).

#![deny(clippy::disallowed_methods)]

pub mod arguments;
pub mod definition;
pub mod node_def;
pub mod op_cache;

/// The definition of our commands.
pub const XML: &str = include_str!("../../op-mode-definitions/vti-diagnostics.xml");
