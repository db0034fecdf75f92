//! Rules of nftables and elements of its sets (`nf_tables_fill_rule_info()`, `nf_tables_fill_setelem()`), as far as rules that validate
//! sources need them. What else a rule has is named and not guessed at; what the rules of a chain come to is decided elsewhere.

use super::attribute::{Attribute, Field, WireError, family};
use super::netlink::Request;
use crate::snapshot::Family;
use crate::snapshot::validation::UnknownRule;
use serde::Serialize;

/// NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE.
pub const NEWRULE: u16 = 10 << 8 | 6;
/// NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM.
pub const NEWSETELEM: u16 = 10 << 8 | 12;
/// NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE.
const GETRULE: u16 = 10 << 8 | 7;
/// NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM.
const GETSETELEM: u16 = 10 << 8 | 13;

/// `sizeof(struct nfgenmsg)`.
const HEADER: usize = 4;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_HANDLE: u16 = 3;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_LIST_ELEM: u16 = 1;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_META_KEY: u16 = 2;
const NFT_META_IIFNAME: u32 = 6;
const NFTA_CMP_OP: u16 = 2;
const NFT_CMP_EQ: u32 = 0;
const NFT_CMP_NEQ: u32 = 1;
const NFTA_CMP_DATA: u16 = 3;
const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_VERDICT_CHAIN: u16 = 2;
const NF_DROP: i32 = 0;
const NF_ACCEPT: i32 = 1;
const NFT_JUMP: i32 = -3;
const NFT_GOTO: i32 = -4;
const NFT_RETURN: i32 = -5;
const NFTA_FIB_RESULT: u16 = 2;
const NFT_FIB_RESULT_OIF: u32 = 1;
const NFTA_FIB_FLAGS: u16 = 3;
const NFTA_FIB_F_SADDR: u32 = 1;
const NFTA_FIB_F_IIF: u32 = 1 << 3;
/// The result is whether there is a route, not by which interface it leaves: `fib saddr . iif check missing`.
const NFTA_FIB_F_PRESENT: u32 = 1 << 5;
const NFTA_LOOKUP_SET: u16 = 1;
const NFTA_LOOKUP_DREG: u16 = 3;
const NFT_REG_VERDICT: u32 = 0;
const NFTA_LOOKUP_FLAGS: u16 = 5;
const NFTA_COUNTER_BYTES: u16 = 1;
const NFTA_COUNTER_PACKETS: u16 = 2;
const NFTA_IMMEDIATE_DATA: u16 = 2;
const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
const NFTA_SET_ELEM_LIST_SET: u16 = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
const NFTA_SET_ELEM_KEY: u16 = 1;
const NFTA_SET_ELEM_DATA: u16 = 2;
const NFTA_SET_ELEM_FLAGS: u16 = 3;

/// Asks for the rules of one chain. A table or a chain that does not exist has none.
pub fn question(family: Family, table: &str, chain: &str) -> Request {
    let request = Request::dump(GETRULE).structure(&nfgenmsg(family));
    request.attribute(NFTA_RULE_TABLE, &text(table)).attribute(NFTA_RULE_CHAIN, &text(chain))
}

/// Asks for the elements of one set, or of a map. One that does not exist is an error (ENOENT).
pub fn elements_question(family: Family, table: &str, set: &str) -> Request {
    let request = Request::dump(GETSETELEM).structure(&nfgenmsg(family));
    let request = request.attribute(NFTA_SET_ELEM_LIST_TABLE, &text(table));
    request.attribute(NFTA_SET_ELEM_LIST_SET, &text(set))
}

const fn nfgenmsg(family: Family) -> [u8; HEADER] {
    // NFPROTO_IPV4 and NFPROTO_IPV6 are AF_INET and AF_INET6.
    let number = match family {
        Family::Unspec => 0,
        Family::Inet => 2,
        Family::Inet6 => 10,
    };
    [number, 0, 0, 0]
}

fn text(name: &str) -> Vec<u8> {
    [name.as_bytes(), b"\0"].concat()
}

/// The packets that a rule is for, by the interface that they come in by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Incoming {
    /// All.
    #[default]
    Any,
    /// `iifname NAME`.
    Interface(String),
    /// `iifname @SET`.
    Set(String),
}

/// What a rule asks of the way back (`fib saddr [. iif] oif`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayBack {
    /// There is none: `oif 0`.
    Missing,
    /// There is one: `oif != 0`.
    Exists,
    /// The interface of it has a verdict in a map: `oif vmap @MAP`.
    Map(String),
}

/// What becomes of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The next rule decides.
    #[default]
    Continue,
    /// It is dropped.
    Drop,
    /// No rule of this hook drops it (`accept`), or none of this chain (`return`).
    Pass,
    /// The rules of another chain decide first, or alone.
    Jump(String),
    /// Something else.
    Other,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The family of its table.
    pub family: Family,
    /// Its number in the table.
    pub handle: u64,
    /// What it is for.
    pub incoming: Incoming,
    /// What it asks of the way back, where it asks for that; and whether that must lead out of the interface that the packet came in by.
    pub way_back: Option<(WayBack, bool)>,
    /// Packets that it counted.
    pub packets: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// What it does with what it is for.
    pub verdict: Verdict,
    /// The first expression that is not as one of these fields has it: then the rule is for fewer packets, or for other ones.
    pub unknown: Option<&'static str>,
}

/// One element of a set or a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Element {
    /// Its key.
    pub key: Vec<u8>,
    /// Its verdict, where it is one of a verdict map.
    pub verdict: Option<Verdict>,
    /// It stands for its key alone: it is no end of an interval and no catch-all.
    pub is_plain: bool,
}

impl Element {
    /// The key as the name of an interface.
    pub fn name(&self) -> String {
        Field::new("NFTA_DATA_VALUE", &self.key).string()
    }
}

/// Decodes a rule; none where its family is not known.
pub fn decode(payload: &[u8]) -> Result<Option<Rule>, WireError> {
    let header = Field::new("nfgenmsg", payload);
    let family = family(header.u8(0)?.into());
    let (mut expressions, mut handle) = (None, 0);
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_RULE_HANDLE => handle = attribute.named("NFTA_RULE_HANDLE").be64(0)?,
            NFTA_RULE_EXPRESSIONS => expressions = Some(attribute.named("NFTA_RULE_EXPRESSIONS")),
            _ => {}
        }
    }
    let (Some(family), Some(expressions)) = (family, expressions) else { return Ok(None) };
    let mut parts = Parts::default();
    for element in expressions.attributes(0) {
        let element = element?;
        if element.kind == NFTA_LIST_ELEM {
            parts.take(element.named("NFTA_LIST_ELEM"))?;
        }
    }
    // What was loaded and never looked at.
    let unknown = parts.unknown.or(match parts.loaded {
        Loaded::Nothing => None,
        Loaded::InputInterface => Some("meta"),
        Loaded::WayBack(_) => Some("fib"),
    });
    Ok(Some(Rule {
        family,
        handle,
        incoming: parts.incoming,
        way_back: parts.way_back,
        packets: parts.packets,
        bytes: parts.bytes,
        verdict: parts.verdict,
        unknown,
    }))
}

/// Decodes elements of a set (one message holds many).
pub fn decode_elements(payload: &[u8]) -> Result<Vec<Element>, WireError> {
    let mut found = Vec::new();
    for list in Field::new("nfgenmsg", payload).attributes(HEADER) {
        let list = list?;
        if list.kind != NFTA_SET_ELEM_LIST_ELEMENTS {
            continue;
        }
        for element in list.named("NFTA_SET_ELEM_LIST_ELEMENTS").attributes(0) {
            let element = element?;
            if element.kind == NFTA_LIST_ELEM {
                found.push(decode_element(&element.named("NFTA_LIST_ELEM"))?);
            }
        }
    }
    Ok(found)
}

fn decode_element(element: &Field<'_>) -> Result<Element, WireError> {
    let key = match find(element, NFTA_SET_ELEM_KEY)? {
        Some(key) => find(&key.named("NFTA_SET_ELEM_KEY"), NFTA_DATA_VALUE)?,
        None => None,
    };
    let verdict = match find(element, NFTA_SET_ELEM_DATA)? {
        Some(data) => verdict(&data.named("NFTA_SET_ELEM_DATA"))?,
        None => None,
    };
    let flags = match find(element, NFTA_SET_ELEM_FLAGS)? {
        Some(flags) => flags.named("NFTA_SET_ELEM_FLAGS").be32(0)?,
        None => 0,
    };
    let is_plain = key.is_some() && flags == 0;
    Ok(Element { key: key.map_or_else(Vec::new, |key| key.payload.to_vec()), verdict, is_plain })
}

/// What the last expression loaded.
#[derive(Default)]
enum Loaded {
    #[default]
    Nothing,
    InputInterface,
    /// The way back, strict or not.
    WayBack(bool),
}

/// The parts of a rule, as far as it was read.
#[derive(Default)]
struct Parts {
    loaded: Loaded,
    incoming: Incoming,
    way_back: Option<(WayBack, bool)>,
    packets: u64,
    bytes: u64,
    verdict: Verdict,
    unknown: Option<&'static str>,
}

impl Parts {
    /// Adds one expression (`nf_tables_fill_expr_info()`).
    fn take(&mut self, expression: Field<'_>) -> Result<(), WireError> {
        let name = find(&expression, NFTA_EXPR_NAME)?.ok_or(absent("NFTA_EXPR_NAME"))?;
        let data = find(&expression, NFTA_EXPR_DATA)?;
        let data = data.map_or(Field::new("NFTA_EXPR_DATA", &[]), |d| d.named("NFTA_EXPR_DATA"));
        match name.named("NFTA_EXPR_NAME").string().as_str() {
            "meta" => {
                // Without a key it sets something.
                let key = find(&data, NFTA_META_KEY)?.ok_or(absent("NFTA_META_KEY"))?;
                if key.named("NFTA_META_KEY").be32(0)? == NFT_META_IIFNAME {
                    self.load(Loaded::InputInterface);
                } else {
                    self.is_other("meta");
                }
            }
            "fib" => {
                let result = be32(&data, NFTA_FIB_RESULT, "NFTA_FIB_RESULT")?;
                let flags = be32(&data, NFTA_FIB_FLAGS, "NFTA_FIB_FLAGS")?;
                let way_back = flags & !NFTA_FIB_F_PRESENT & !NFTA_FIB_F_IIF == NFTA_FIB_F_SADDR;
                if result == NFT_FIB_RESULT_OIF && way_back {
                    self.load(Loaded::WayBack(flags & NFTA_FIB_F_IIF != 0));
                } else {
                    self.is_other("fib");
                }
            }
            "cmp" => self.compare(&data)?,
            "lookup" => self.look_up(&data)?,
            "counter" => {
                self.packets = be64(&data, NFTA_COUNTER_PACKETS, "NFTA_COUNTER_PACKETS")?;
                self.bytes = be64(&data, NFTA_COUNTER_BYTES, "NFTA_COUNTER_BYTES")?;
            }
            "immediate" => {
                let loads = find(&data, NFTA_IMMEDIATE_DATA)?;
                let verdict =
                    loads.map(|l| verdict(&l.named("NFTA_IMMEDIATE_DATA"))).transpose()?;
                match verdict.flatten() {
                    Some(verdict) => self.verdict = verdict,
                    None => self.is_other("immediate"),
                }
            }
            other => {
                let known = UnknownRule::EXPRESSIONS.iter().copied().find(|name| *name == other);
                self.is_other(known.unwrap_or("other"));
            }
        }
        Ok(())
    }

    /// The first that is not known counts.
    fn is_other(&mut self, expression: &'static str) {
        self.unknown.get_or_insert(expression);
        self.loaded = Loaded::Nothing;
    }

    fn load(&mut self, what: Loaded) {
        match std::mem::replace(&mut self.loaded, what) {
            Loaded::Nothing => {}
            Loaded::InputInterface => self.unknown = self.unknown.or(Some("meta")),
            Loaded::WayBack(_) => self.unknown = self.unknown.or(Some("fib")),
        }
    }

    fn compare(&mut self, data: &Field<'_>) -> Result<(), WireError> {
        let operation = be32(data, NFTA_CMP_OP, "NFTA_CMP_OP")?;
        let value = find(data, NFTA_CMP_DATA)?.ok_or(absent("NFTA_CMP_DATA"))?;
        let value = find(&value.named("NFTA_CMP_DATA"), NFTA_DATA_VALUE)?;
        let value = value.ok_or(absent("NFTA_DATA_VALUE"))?;
        let is_zero = value.payload.iter().all(|byte| *byte == 0);
        match (std::mem::take(&mut self.loaded), operation) {
            // The name is compared with its NUL; without one it is the beginning of many names.
            (Loaded::InputInterface, NFT_CMP_EQ) if value.payload.contains(&0) => {
                self.is_for(Incoming::Interface(value.named("NFTA_DATA_VALUE").string()), "cmp");
            }
            (Loaded::WayBack(strict), NFT_CMP_EQ) if is_zero => {
                self.asks(WayBack::Missing, strict);
            }
            (Loaded::WayBack(strict), NFT_CMP_NEQ) if is_zero => {
                self.asks(WayBack::Exists, strict);
            }
            _ => self.is_other("cmp"),
        }
        Ok(())
    }

    fn look_up(&mut self, data: &Field<'_>) -> Result<(), WireError> {
        let set = find(data, NFTA_LOOKUP_SET)?.ok_or(absent("NFTA_LOOKUP_SET"))?;
        let set = set.named("NFTA_LOOKUP_SET").string();
        let register = find(data, NFTA_LOOKUP_DREG)?;
        let register = register.map(|r| r.named("NFTA_LOOKUP_DREG").be32(0)).transpose()?;
        let flags = find(data, NFTA_LOOKUP_FLAGS)?;
        let flags = flags.map(|f| f.named("NFTA_LOOKUP_FLAGS").be32(0)).transpose()?;
        match (std::mem::take(&mut self.loaded), register, flags.unwrap_or(0)) {
            (Loaded::InputInterface, None, 0) => self.is_for(Incoming::Set(set), "lookup"),
            (Loaded::WayBack(strict), Some(NFT_REG_VERDICT), 0) => {
                self.asks(WayBack::Map(set), strict);
            }
            _ => self.is_other("lookup"),
        }
        Ok(())
    }

    fn is_for(&mut self, incoming: Incoming, expression: &'static str) {
        if self.incoming == Incoming::Any {
            self.incoming = incoming;
        } else {
            self.is_other(expression);
        }
    }

    fn asks(&mut self, way_back: WayBack, strict: bool) {
        if self.way_back.is_none() {
            self.way_back = Some((way_back, strict));
        } else {
            self.is_other("fib");
        }
    }
}

/// The verdict in data (`nft_verdict_dump()`); none where it is a value.
fn verdict(data: &Field<'_>) -> Result<Option<Verdict>, WireError> {
    let Some(verdict) = find(data, NFTA_DATA_VERDICT)? else { return Ok(None) };
    let verdict = verdict.named("NFTA_DATA_VERDICT");
    let code = be32(&verdict, NFTA_VERDICT_CODE, "NFTA_VERDICT_CODE")?;
    Ok(Some(match i32::from_ne_bytes(code.to_ne_bytes()) {
        NF_DROP => Verdict::Drop,
        NF_ACCEPT | NFT_RETURN => Verdict::Pass,
        NFT_JUMP | NFT_GOTO => {
            let chain = find(&verdict, NFTA_VERDICT_CHAIN)?.ok_or(absent("NFTA_VERDICT_CHAIN"))?;
            Verdict::Jump(chain.named("NFTA_VERDICT_CHAIN").string())
        }
        _ => Verdict::Other,
    }))
}

/// The attribute of this type in a nested attribute.
fn find<'a>(nested: &Field<'a>, kind: u16) -> Result<Option<Attribute<'a>>, WireError> {
    for attribute in nested.attributes(0) {
        let attribute = attribute?;
        if attribute.kind == kind {
            return Ok(Some(attribute));
        }
    }
    Ok(None)
}

fn be32(nested: &Field<'_>, kind: u16, name: &'static str) -> Result<u32, WireError> {
    find(nested, kind)?.ok_or(absent(name))?.named(name).be32(0)
}

fn be64(nested: &Field<'_>, kind: u16, name: &'static str) -> Result<u64, WireError> {
    find(nested, kind)?.ok_or(absent(name))?.named(name).be64(0)
}

const fn absent(what: &'static str) -> WireError {
    WireError::Absent { what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::netlink;
    use crate::wire::samples::payloads;

    const RECORDING: &str = include_str!("../../tests/wire/6.12-nft.hex");

    #[test]
    fn a_rule_cut_short_is_an_error_or_another_rule() {
        let all = payloads(RECORDING, NEWRULE);
        let is_drop = |rule: &&Vec<u8>| {
            decode(rule).unwrap().is_some_and(|rule| rule.verdict == Verdict::Drop)
        };
        let whole = all.iter().find(is_drop).unwrap();
        for length in 0..whole.len() {
            assert_ne!(
                decode(&whole[..length]).ok().flatten(),
                decode(whole).unwrap(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_question_names_table_and_chain() {
        let bytes = question(Family::Inet6, "raw", "vyos").bytes(1);
        let message = netlink::messages(&bytes).next().unwrap().unwrap();
        assert_eq!(message.kind, 0x0a07);
        assert_eq!(message.payload, b"\x0a\0\0\0\x08\0\x01\0raw\0\x09\0\x02\0vyos\0\0\0\0");
    }

    #[test]
    fn a_question_for_elements_names_table_and_set() {
        let bytes = elements_question(Family::Inet, "raw", "vyos").bytes(1);
        let message = netlink::messages(&bytes).next().unwrap().unwrap();
        assert_eq!(message.kind, 0x0a0d);
        assert_eq!(message.payload, b"\x02\0\0\0\x08\0\x01\0raw\0\x09\0\x02\0vyos\0\0\0\0");
    }
}
