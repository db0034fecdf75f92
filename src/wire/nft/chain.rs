//! Tables (`nf_tables_fill_table_info()`) and chains (`nf_tables_fill_chain_info()`) of nftables. Bytes to values.

use super::message::{Message, absent, find};
use crate::snapshot::filter::{Base, Chain, Hook, Kind, TableFamily};
use crate::wire::attribute::{Field, WireError};

const NFTA_TABLE_NAME: u16 = 1;
const NFTA_TABLE_FLAGS: u16 = 2;
const NFT_TABLE_F_DORMANT: u32 = 1;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_CHAIN_TYPE: u16 = 7;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NFTA_HOOK_DEV: u16 = 3;
const NFTA_HOOK_DEVS: u16 = 4;
const NFTA_DEVICE_NAME: u16 = 1;
const NF_DROP: u32 = 0;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTable {
    /// Its family.
    pub family: TableFamily,
    /// Its name.
    pub name: String,
    /// Whether its chains are not asked.
    pub dormant: bool,
}

/// Decodes a table; none of a family that sees no IP packets.
pub fn decode_table(payload: &[u8]) -> Result<Option<NewTable>, WireError> {
    let message = Message::new(payload)?;
    let Some(family) = message.family else { return Ok(None) };
    let name = message.text(NFTA_TABLE_NAME, "NFTA_TABLE_NAME")?;
    let flags = match message.find(NFTA_TABLE_FLAGS)? {
        Some(flags) => flags.named("NFTA_TABLE_FLAGS").be32(0)?,
        None => 0,
    };
    Ok(Some(NewTable { family, name, dormant: flags & NFT_TABLE_F_DORMANT != 0 }))
}

/// Decodes a chain, which comes without its rules; none of a family that sees no IP packets.
pub fn decode_chain(payload: &[u8]) -> Result<Option<Chain>, WireError> {
    let message = Message::new(payload)?;
    let Some(family) = message.family else { return Ok(None) };
    let table = message.text(NFTA_CHAIN_TABLE, "NFTA_CHAIN_TABLE")?;
    let chain = message.text(NFTA_CHAIN_NAME, "NFTA_CHAIN_NAME")?;
    let base = match message.find(NFTA_CHAIN_HOOK)? {
        Some(hook) => Some(base(&message, family, &hook.named("NFTA_CHAIN_HOOK"))?),
        None => None,
    };
    Ok(Some(Chain { family, table, chain, base, rules: Vec::new() }))
}

fn base(message: &Message<'_>, family: TableFamily, hook: &Field<'_>) -> Result<Base, WireError> {
    let number = find(hook, NFTA_HOOK_HOOKNUM)?.ok_or(absent("NFTA_HOOK_HOOKNUM"))?;
    let number = number.named("NFTA_HOOK_HOOKNUM");
    let priority = find(hook, NFTA_HOOK_PRIORITY)?.ok_or(absent("NFTA_HOOK_PRIORITY"))?;
    let priority = priority.named("NFTA_HOOK_PRIORITY").be32(0)?;
    let kind = match message.find(NFTA_CHAIN_TYPE)? {
        Some(kind) => match kind.named("NFTA_CHAIN_TYPE").string().as_str() {
            "nat" => Kind::Nat,
            "route" => Kind::Route,
            _ => Kind::Filter,
        },
        None => Kind::Filter,
    };
    let policy = message.find(NFTA_CHAIN_POLICY)?;
    let policy = policy.map(|policy| policy.named("NFTA_CHAIN_POLICY").be32(0)).transpose()?;
    Ok(Base {
        hook: hook_of(family, number.be32(0)?).ok_or(number.value(number.be32(0)?))?,
        kind,
        priority: i32::from_ne_bytes(priority.to_ne_bytes()),
        drops: policy == Some(NF_DROP),
        devices: devices(hook)?,
    })
}

/// NF_NETDEV_*, NF_INET_* and NF_BR_*; the first five of the latter two are the same.
const fn hook_of(family: TableFamily, number: u32) -> Option<Hook> {
    Some(match (family, number) {
        (TableFamily::Netdev, 0) | (TableFamily::Inet, 5) => Hook::Ingress,
        (TableFamily::Netdev, 1) => Hook::Egress,
        (TableFamily::Netdev, _) => return None,
        (_, 0) => Hook::Prerouting,
        (_, 1) => Hook::Input,
        (_, 2) => Hook::Forward,
        (_, 3) => Hook::Output,
        (_, 4) => Hook::Postrouting,
        _ => return None,
    })
}

fn devices(hook: &Field<'_>) -> Result<Vec<String>, WireError> {
    let mut devices = Vec::new();
    if let Some(device) = find(hook, NFTA_HOOK_DEV)? {
        devices.push(device.named("NFTA_HOOK_DEV").string());
    }
    if let Some(list) = find(hook, NFTA_HOOK_DEVS)? {
        for device in list.named("NFTA_HOOK_DEVS").attributes(0) {
            let device = device?;
            if device.kind == NFTA_DEVICE_NAME {
                devices.push(device.named("NFTA_DEVICE_NAME").string());
            }
        }
    }
    devices.sort();
    devices.dedup();
    Ok(devices)
}
