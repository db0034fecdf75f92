//! The causes, one file each, in folders by where the packet is lost. Nothing here decides what masks what.

pub mod host;
pub mod ike;
pub mod past;
pub mod receive;
pub mod silent;
pub mod transmit;
