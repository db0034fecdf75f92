//! Bytes to values: netlink messages as the kernel sends them. Pure and total: no I/O, no clock, and no input makes it panic.
//!
//! The messages are decoded straight into the types of [`crate::snapshot`], so that each fact of the kernel is defined once.
//! Attributes that are not known are passed over; a known one that is malformed is an error of its message.
//! **Key material (`XFRMA_ALG_*`) is never read**: those attributes have no name here, and nothing here prints bytes.

#![deny(clippy::disallowed_methods)]

pub mod address;
pub mod attribute;
pub mod link;
pub mod neighbour;
pub mod netlink;
pub mod route;
pub mod rule;
pub mod selector;
pub mod xfrm_info;
pub mod xfrm_policy;
pub mod xfrm_state;

pub use attribute::WireError;
