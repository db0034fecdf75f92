//! The way of a packet around the xfrm functions: before it comes to the VTI and behind it. `filter` is the packet filter at one
//! hook, `passage` on several, `stations` which hooks and devices a stretch of the way has, `stretch` the filter on each of them, `suspects`
//! which rules can have dropped a packet.

pub mod filter;
mod passage;
mod stations;
mod stretch;
mod suspects;

pub use passage::Ruling;
pub use stations::{Stretch, To, outer_link};
pub use stretch::{
    decrypted_mark, delivered, enters, esp_arrives, esp_leaves, inner_leaves, own_enters,
};
pub use suspects::{Suspects, reverse_path, suspects};
