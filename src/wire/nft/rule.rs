//! A rule of nftables (`nf_tables_fill_rule_info()`) as conditions on packets and what becomes of them.

use super::condition::Slot;
use super::field::{self, Ip};
use super::message::{Message, NFTA_LIST_ELEM, absent, be32, be32_or, be64, find, value, verdict};
use super::register::{Cell, NFT_REG_VERDICT, Registers};
use super::set::{Layout, Sets};
use crate::snapshot::filter::{
    Counter, Field, Rule, SetMark, Step, TableFamily, Translation, Verdict,
};
use crate::wire::attribute::{self, WireError};

const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_HANDLE: u16 = 3;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_RULE_USERDATA: u16 = 7;
/// NFTNL_UDATA_RULE_COMMENT of libnftnl, which the kernel only keeps.
const COMMENT: u8 = 0;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_SREG_OF_META: u16 = 3;
const NFTA_META_KEY: u16 = 2;
const NFT_META_MARK: u32 = 3;
const NFTA_SREG_OF_CT: u16 = 4;
const NFTA_SREG_OF_PAYLOAD: u16 = 5;
const NFTA_DREG: u16 = 1;
pub(super) const NFTA_SREG: u16 = 1;
const NFTA_BITWISE_DREG: u16 = 2;
const NFTA_BITWISE_LEN: u16 = 3;
const NFTA_BITWISE_MASK: u16 = 4;
const NFTA_BITWISE_XOR: u16 = 5;
const NFTA_BITWISE_OP: u16 = 6;
const NFTA_BYTEORDER_DREG: u16 = 2;
const NFTA_BYTEORDER_LEN: u16 = 4;
const NFTA_BYTEORDER_SIZE: u16 = 5;
const NFTA_IMMEDIATE_DATA: u16 = 2;
const NFTA_COUNTER_BYTES: u16 = 1;
const NFTA_COUNTER_PACKETS: u16 = 2;
const NFTA_EXTHDR_SREG: u16 = 7;
const NFTA_OBJREF_IMM_TYPE: u16 = 1;
/// NFT_OBJECT_QUOTA, NFT_OBJECT_LIMIT, NFT_OBJECT_CONNLIMIT, NFT_OBJECT_SYNPROXY: those that let only some packets pass.
const OBJECTS_THAT_DECIDE: [u32; 4] = [2, 4, 5, 10];

/// A rule, with its chain and the sets that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRule {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// What it is.
    pub rule: Rule,
    /// The sets that it looks something up in.
    pub sets: Vec<Use>,
}

/// How a rule uses a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its name.
    pub set: String,
    /// What its keys are.
    pub layout: Layout,
}

/// Decodes a rule; none of a family that sees no IP packets. `sets` are those of the ruleset: they say how long a key is.
pub fn decode_rule(payload: &[u8], sets: &Sets) -> Result<Option<NewRule>, WireError> {
    let message = Message::new(payload)?;
    let Some(family) = message.family else { return Ok(None) };
    let table = message.text(NFTA_RULE_TABLE, "NFTA_RULE_TABLE")?;
    let chain = message.text(NFTA_RULE_CHAIN, "NFTA_RULE_CHAIN")?;
    let handle = message.find(NFTA_RULE_HANDLE)?.ok_or(absent("NFTA_RULE_HANDLE"))?;
    let handle = handle.named("NFTA_RULE_HANDLE").be64(0)?;
    let comment = message.find(NFTA_RULE_USERDATA)?.map(|data| comment(data.payload));
    let ip = match family {
        TableFamily::Ip => Ip::V4,
        TableFamily::Ip6 => Ip::V6,
        _ => Ip::Either,
    };
    let mut reader = Reader {
        family,
        table: &table,
        sets,
        ip,
        registers: Registers::new(),
        steps: vec![],
        uses: vec![],
        low: None,
    };
    if let Some(list) = message.find(NFTA_RULE_EXPRESSIONS)? {
        for element in list.named("NFTA_RULE_EXPRESSIONS").attributes(0) {
            let element = element?;
            if element.kind == NFTA_LIST_ELEM {
                reader.expression(&element.named("NFTA_LIST_ELEM"))?;
            }
        }
    }
    let (steps, uses) = (reader.steps, reader.uses);
    let rule = Rule { handle, comment: comment.unwrap_or_default(), steps };
    Ok(Some(NewRule { family, table, chain, rule, sets: uses }))
}

/// The comment among what nft keeps with a rule: records of a type, a length and as many bytes.
fn comment(userdata: &[u8]) -> String {
    let mut rest = userdata;
    while let [kind, length, records @ ..] = rest {
        let Some((value, next)) = records.split_at_checked(usize::from(*length)) else { break };
        if *kind == COMMENT {
            return attribute::Field::new("NFTA_RULE_USERDATA", value).string();
        }
        rest = next;
    }
    String::new()
}

/// The steps of a rule so far, and what its registers hold.
pub(super) struct Reader<'a> {
    pub(super) family: TableFamily,
    pub(super) table: &'a str,
    pub(super) sets: &'a Sets,
    /// For which IP the packets are that get so far.
    pub(super) ip: Ip,
    pub(super) registers: Registers,
    pub(super) steps: Vec<Step>,
    pub(super) uses: Vec<Use>,
    /// What the expression before compared, and with what, where it asked for at least that much.
    pub(super) low: Option<(Slot, Vec<u8>)>,
}

impl Reader<'_> {
    /// One expression (`nf_tables_fill_expr_info()`).
    fn expression(&mut self, expression: &attribute::Field<'_>) -> Result<(), WireError> {
        let name = find(expression, NFTA_EXPR_NAME)?.ok_or(absent("NFTA_EXPR_NAME"))?;
        let name = name.named("NFTA_EXPR_NAME").string();
        let data = find(expression, NFTA_EXPR_DATA)?;
        let data = data
            .map_or(attribute::Field::new("NFTA_EXPR_DATA", &[]), |d| d.named("NFTA_EXPR_DATA"));
        if name != "cmp" {
            self.low = None;
        }
        match name.as_str() {
            "meta" => self.meta(&data),
            "payload" => self.payload(&data),
            "ct" if find(&data, NFTA_SREG_OF_CT)?.is_some() => Ok(()),
            "ct" => self.load(&data, field::ct(&data)?),
            "rt" => self.load(&data, field::rt(&data)?),
            "fib" => self.load(&data, field::fib(&data)?),
            "xfrm" => self.load(&data, field::xfrm(&data)?),
            "cmp" => self.compare(&data),
            "range" => self.range(&data),
            "bitwise" => self.bitwise(&data),
            "byteorder" => self.byteorder(&data),
            "lookup" => self.lookup(&data),
            "immediate" => self.immediate(&data),
            "counter" => {
                let packets = be64(&data, NFTA_COUNTER_PACKETS, "NFTA_COUNTER_PACKETS")?;
                let bytes = be64(&data, NFTA_COUNTER_BYTES, "NFTA_COUNTER_BYTES")?;
                self.steps.push(Step::Counter(Counter { packets, bytes }));
                Ok(())
            }
            "notrack" => {
                self.steps.push(Step::Untracked);
                Ok(())
            }
            "reject" => self.verdict(Verdict::Reject),
            "queue" => self.verdict(Verdict::Queue),
            "nat" => self.nat(&data),
            "masq" => self.translate(Translation::Masquerade),
            "redir" => self.translate(Translation::Redirect),
            "exthdr" if find(&data, NFTA_EXTHDR_SREG)?.is_some() => Ok(()),
            // They load something that nobody follows.
            "hash" | "numgen" | "osf" => self.load_other(&data, &name),
            // They also leave the rule where a packet has no such thing.
            "exthdr" | "socket" | "tunnel" => {
                self.undecided(&name);
                self.load_other(&data, &name)
            }
            "objref" => {
                let kind = be32_or(&data, NFTA_OBJREF_IMM_TYPE, "NFTA_OBJREF_IMM_TYPE", 2)?;
                if OBJECTS_THAT_DECIDE.contains(&kind) {
                    self.undecided(&name);
                }
                Ok(())
            }
            // They pass all packets.
            "log" | "last" | "flow_offload" | "dup" => Ok(()),
            "match" => self.iptables_match(&data),
            "target" => self.iptables_target(&data),
            "fwd" | "tproxy" | "synproxy" => {
                self.undecided(&name);
                self.verdict(Verdict::Target(name))
            }
            // limit, quota, connlimit, dynset, and what is newer than this program.
            _ => {
                self.registers = Registers::new();
                self.undecided(&name);
                Ok(())
            }
        }
    }

    pub(super) fn undecided(&mut self, expression: &str) {
        let step = Step::Undecided(expression.to_owned());
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }

    pub(super) fn verdict(&mut self, verdict: Verdict) -> Result<(), WireError> {
        self.steps.push(Step::Verdict(verdict));
        Ok(())
    }

    fn load(
        &mut self,
        data: &attribute::Field<'_>,
        loads: Vec<field::Load>,
    ) -> Result<(), WireError> {
        let register = be32(data, NFTA_DREG, "NFTA_DREG")?;
        self.registers.load(register, &loads);
        Ok(())
    }

    fn load_other(&mut self, data: &attribute::Field<'_>, name: &str) -> Result<(), WireError> {
        let register = be32_or(data, register_of(name), "NFTA_DREG", NFT_REG_VERDICT)?;
        self.registers.load(register, &field::other(name));
        Ok(())
    }

    fn meta(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let Some(source) = find(data, NFTA_SREG_OF_META)? else {
            return self.load(data, field::meta(data)?);
        };
        if be32(data, NFTA_META_KEY, "NFTA_META_KEY")? == NFT_META_MARK {
            let step = self.mark(source.named("NFTA_META_SREG").be32(0)?);
            self.steps.push(step);
        }
        Ok(())
    }

    /// What the mark becomes, from the four bytes of a register.
    fn mark(&self, register: u32) -> Step {
        let cells = self.registers.get(register, 4);
        let (mut keep, mut flip) = ([0; 4], [0; 4]);
        for (at, (keep, flip)) in (0_u8..).zip(keep.iter_mut().zip(&mut flip)) {
            (*keep, *flip) = match cells.get(usize::from(at)) {
                Some(Cell::Constant(byte)) => (0, *byte),
                Some(Cell::Loaded { load, byte, mask, flip })
                    if *byte == at && self.registers.field(*load) == Field::Mark =>
                {
                    (*mask, *flip)
                }
                _ => return Step::SetUnknownMark,
            };
        }
        let (keep, flip) = (u32::from_ne_bytes(keep), u32::from_ne_bytes(flip));
        Step::SetMark(SetMark { keep, flip })
    }

    fn payload(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        if find(data, NFTA_SREG_OF_PAYLOAD)?.is_none() {
            return self.load(data, field::payload(data, self.ip)?);
        }
        let fields = field::written(data, self.ip)?;
        self.steps.push(Step::Rewrite(fields));
        Ok(())
    }

    fn bitwise(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let source = be32(data, NFTA_SREG, "NFTA_BITWISE_SREG")?;
        let target = be32(data, NFTA_BITWISE_DREG, "NFTA_BITWISE_DREG")?;
        let length = be32(data, NFTA_BITWISE_LEN, "NFTA_BITWISE_LEN")?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(64);
        let operation = be32_or(data, NFTA_BITWISE_OP, "NFTA_BITWISE_OP", 0)?;
        let mask = value(data, NFTA_BITWISE_MASK, "NFTA_BITWISE_MASK")?;
        let xor = value(data, NFTA_BITWISE_XOR, "NFTA_BITWISE_XOR")?;
        let (Some(mask), Some(xor), 0) = (mask, xor, operation) else {
            self.registers.forget(target, length);
            return Ok(());
        };
        let with = mask.bytes().iter().zip(xor.bytes());
        let turned = self.registers.get(source, length).into_iter().zip(with);
        let cells: Vec<Cell> = turned.map(|(cell, (m, x))| cell.turned(*m, *x)).collect();
        self.registers.set(target, &cells);
        Ok(())
    }

    fn byteorder(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let source = be32(data, NFTA_SREG, "NFTA_BYTEORDER_SREG")?;
        let target = be32(data, NFTA_BYTEORDER_DREG, "NFTA_BYTEORDER_DREG")?;
        let length = be32(data, NFTA_BYTEORDER_LEN, "NFTA_BYTEORDER_LEN")?;
        let size = be32(data, NFTA_BYTEORDER_SIZE, "NFTA_BYTEORDER_SIZE")?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(64);
        let size = usize::try_from(size).unwrap_or(usize::MAX).clamp(1, 8);
        let mut cells = self.registers.get(source, length);
        if cfg!(target_endian = "little") {
            cells.chunks_mut(size).for_each(<[Cell]>::reverse);
        }
        self.registers.set(target, &cells);
        Ok(())
    }

    fn immediate(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let register = be32(data, NFTA_DREG, "NFTA_IMMEDIATE_DREG")?;
        let Some(loads) = find(data, NFTA_IMMEDIATE_DATA)? else { return Ok(()) };
        if let Some(verdict) = verdict(&loads.named("NFTA_IMMEDIATE_DATA"))? {
            return self.verdict(verdict);
        }
        if let Some(value) = value(data, NFTA_IMMEDIATE_DATA, "NFTA_IMMEDIATE_DATA")? {
            let cells: Vec<Cell> = value.bytes().iter().map(|byte| Cell::Constant(*byte)).collect();
            self.registers.set(register, &cells);
        }
        Ok(())
    }
}

/// Where an expression names the register that it loads.
fn register_of(expression: &str) -> u16 {
    match expression {
        "socket" | "tunnel" | "hash" => 2,
        _ => NFTA_DREG,
    }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
