//! What nftables does with a packet (`nf_hook_slow()`, `nft_do_chain()`): it passes, it is dropped by a rule, or neither can be known. Pure
//! functions of a ruleset and a packet.
//!
//! `index` is the ruleset made ready, `packet` is the packet as a filter sees it, `field` what a rule finds when it asks for a part of
//! it, `condition` whether a packet meets a condition, `hook` which chains are asked, `walk` the way through one of them, `fate` what
//! that comes to, `rule_name` what an operator calls a rule.

mod condition;
mod fate;
mod field;
mod hook;
mod index;
mod packet;
mod rule_name;
mod walk;

pub use crate::snapshot::filter::rule_name;
pub use fate::{By, Doubt, Fate, How, Met};
pub use hook::hook;
pub use index::Filter;
pub use packet::{Device, Packet, Tracking, Translated};
