//! What a rule of nftables does with a packet beside verdicts: translations, and the matches and targets of iptables-nft.

use super::message::{absent, be32, be32_or, find};
use super::rule::Reader;
use crate::snapshot::filter::{Field, Nat, Step, Translation, Verdict};
use crate::wire::attribute::{self, WireError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;
const NFTA_NAT_TYPE: u16 = 1;
const NFTA_NAT_FAMILY: u16 = 2;
const NFTA_NAT_REG_ADDR_MIN: u16 = 3;
const NFTA_NAT_REG_ADDR_MAX: u16 = 4;
const NFTA_NAT_REG_PROTO_MIN: u16 = 5;
const NFTA_NAT_FLAGS: u16 = 7;
const NF_NAT_RANGE_NETMAP: u32 = 1 << 6;
const NFTA_XT_NAME: u16 = 1;

impl Reader<'_> {
    pub(super) fn nat(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let what = match be32(data, NFTA_NAT_TYPE, "NFTA_NAT_TYPE")? {
            0 => Translation::Source,
            _ => Translation::Destination,
        };
        let first = self.address(data, NFTA_NAT_REG_ADDR_MIN)?;
        let last = self.address(data, NFTA_NAT_REG_ADDR_MAX)?.or(first);
        let flags = be32_or(data, NFTA_NAT_FLAGS, "NFTA_NAT_FLAGS", 0)?;
        let has_address = find(data, NFTA_NAT_REG_ADDR_MIN)?.is_some();
        let has_port = find(data, NFTA_NAT_REG_PROTO_MIN)?.is_some();
        let netmap = flags & NF_NAT_RANGE_NETMAP != 0;
        let port_only = has_port && !has_address;
        self.steps.push(Step::Nat(Nat { what, first, last, netmap, port_only }));
        Ok(())
    }

    /// The address in the register that an attribute names.
    fn address(&self, data: &attribute::Field<'_>, kind: u16) -> Result<Option<IpAddr>, WireError> {
        let Some(register) = find(data, kind)? else { return Ok(None) };
        let register = register.named("NFTA_NAT_REG_ADDR").be32(0)?;
        let family = be32_or(data, NFTA_NAT_FAMILY, "NFTA_NAT_FAMILY", AF_INET)?;
        let length = if family == AF_INET6 { 16 } else { 4 };
        let bytes = self.registers.constant(register, length).unwrap_or_default();
        let v4 = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).ok().map(|b| Ipv4Addr::from(b).into());
        let v6 = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).ok().map(|b| Ipv6Addr::from(b).into());
        Ok(v4(&bytes).or_else(|| v6(&bytes)))
    }

    /// To an address that the rule does not say.
    pub(super) fn translate(&mut self, what: Translation) -> Result<(), WireError> {
        let (first, last, netmap, port_only) = (None, None, false, false);
        self.steps.push(Step::Nat(Nat { what, first, last, netmap, port_only }));
        Ok(())
    }

    /// A match of iptables-nft (`nft_match_dump()`): all but a comment are unknown.
    pub(super) fn iptables_match(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        match xt_name(data)?.as_str() {
            "comment" => {}
            name => self.undecided(&format!("match {name}")),
        }
        Ok(())
    }

    /// A target of iptables-nft (`nft_target_dump()`).
    pub(super) fn iptables_target(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let name = xt_name(data)?;
        match name.as_str() {
            "REJECT" => self.verdict(Verdict::Reject),
            "LOG" | "NFLOG" | "ULOG" | "TCPMSS" | "CLASSIFY" | "CHECKSUM" | "CONNSECMARK"
            | "SECMARK" | "AUDIT" | "TRACE" | "LED" | "IDLETIMER" => Ok(()),
            "MARK" | "CONNMARK" => {
                self.steps.push(Step::SetUnknownMark);
                Ok(())
            }
            "TOS" | "DSCP" => {
                self.steps.push(Step::Rewrite(vec![Field::Tos, Field::Class]));
                Ok(())
            }
            "TTL" | "HL" => {
                self.steps.push(Step::Rewrite(vec![Field::HopLimit]));
                Ok(())
            }
            "MASQUERADE" => self.translate(Translation::Masquerade),
            "SNAT" => self.translate(Translation::Source),
            "DNAT" => self.translate(Translation::Destination),
            "REDIRECT" => self.translate(Translation::Redirect),
            "NFQUEUE" => self.verdict(Verdict::Queue),
            _ => self.verdict(Verdict::Target(name)),
        }
    }
}

fn xt_name(data: &attribute::Field<'_>) -> Result<String, WireError> {
    let name = find(data, NFTA_XT_NAME)?.ok_or(absent("NFTA_MATCH_NAME"))?;
    Ok(name.named("NFTA_MATCH_NAME").string())
}
