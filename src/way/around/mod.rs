//! The way of a packet around the xfrm functions: before it comes to the VTI and behind it. `filter` is the packet filter at one
//! hook, `passage` on a stretch of the way, `stretch` which hooks and devices a stretch has, `suspects` which rules can have dropped a
//! packet.

pub mod filter;
mod passage;
mod stretch;
mod suspects;

pub use passage::Ruling;
pub use stretch::{
    To, decrypted_mark, delivered, enters, esp_arrives, esp_leaves, inner_leaves, outer_link,
    own_enters,
};
pub use suspects::{Stretch, Suspects, reverse_path, suspects};
