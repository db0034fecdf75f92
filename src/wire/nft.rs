//! NFT_MSG_NEWRULE: of the rules of nftables those that validate sources, as VyOS writes them (`nf_tables_fill_rule_info()`). Rules of any other
//! form are passed over, not guessed at.

use super::attribute::{Attribute, Field, WireError, family};
use super::netlink::Request;
use crate::snapshot::{Family, SourceValidation};

/// NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE.
pub const NEWRULE: u16 = 10 << 8 | 6;
/// NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE.
const GETRULE: u16 = 10 << 8 | 7;

/// `sizeof(struct nfgenmsg)`.
const HEADER: usize = 4;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_LIST_ELEM: u16 = 1;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_META_KEY: u16 = 2;
const NFT_META_IIFNAME: u32 = 6;
const NFTA_CMP_OP: u16 = 2;
const NFT_CMP_EQ: u32 = 0;
const NFTA_CMP_DATA: u16 = 3;
const NFTA_DATA_VALUE: u16 = 1;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NF_DROP: u32 = 0;
const NFTA_FIB_RESULT: u16 = 2;
const NFT_FIB_RESULT_OIF: u32 = 1;
const NFTA_FIB_FLAGS: u16 = 3;
const NFTA_FIB_F_SADDR: u32 = 1;
const NFTA_FIB_F_IIF: u32 = 1 << 3;
/// The result is whether there is a route, not by which interface it leaves: `fib saddr . iif check missing`.
const NFTA_FIB_F_PRESENT: u32 = 1 << 5;
const NFTA_COUNTER_BYTES: u16 = 1;
const NFTA_COUNTER_PACKETS: u16 = 2;
const NFTA_IMMEDIATE_DATA: u16 = 2;

/// Asks for the rules of one chain. A table or a chain that does not exist has none.
pub fn question(family: Family, table: &str, chain: &str) -> Request {
    // NFPROTO_IPV4 and NFPROTO_IPV6 are AF_INET and AF_INET6.
    let number = match family {
        Family::Unspec => 0,
        Family::Inet => 2,
        Family::Inet6 => 10,
    };
    let text = |name: &str| [name.as_bytes(), b"\0"].concat();
    Request::dump(GETRULE)
        .structure(&[number, 0, 0, 0])
        .attribute(NFTA_RULE_TABLE, &text(table))
        .attribute(NFTA_RULE_CHAIN, &text(chain))
}

/// A rule that validates sources; none where it is of another form.
pub fn decode(payload: &[u8]) -> Result<Option<SourceValidation>, WireError> {
    let header = Field::new("nfgenmsg", payload);
    let family = family(header.u8(0)?.into());
    let mut expressions = None;
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        if attribute.kind == NFTA_RULE_EXPRESSIONS {
            expressions = Some(attribute.named("NFTA_RULE_EXPRESSIONS"));
        }
    }
    let (Some(family), Some(expressions)) = (family, expressions) else { return Ok(None) };
    let mut rule = Rule::default();
    for element in expressions.attributes(0) {
        let element = element?;
        if element.kind == NFTA_LIST_ELEM {
            rule.take(element.named("NFTA_LIST_ELEM"))?;
        }
    }
    let is_validation = rule.is_compared && rule.drops && !rule.is_other;
    Ok(rule.strict.filter(|_| is_validation).map(|strict| SourceValidation {
        family,
        interface: rule.interface,
        strict,
        packets: rule.packets,
        bytes: rule.bytes,
    }))
}

/// What the last expression loaded.
#[derive(Default, PartialEq, Eq)]
enum Loaded {
    #[default]
    Nothing,
    InputInterface,
    WayBack,
}

/// The parts of a rule, as far as it was read.
#[derive(Default)]
struct Rule {
    loaded: Loaded,
    interface: Option<String>,
    /// Some once the way back was asked for.
    strict: Option<bool>,
    /// That there is none is what the rule matches.
    is_compared: bool,
    packets: u64,
    bytes: u64,
    drops: bool,
    /// It has an expression that no rule of VyOS's source validation has.
    is_other: bool,
}

impl Rule {
    /// Adds one expression (`nf_tables_fill_expr_info()`).
    fn take(&mut self, expression: Field<'_>) -> Result<(), WireError> {
        let name = find(&expression, NFTA_EXPR_NAME)?.ok_or(absent("NFTA_EXPR_NAME"))?;
        let data = find(&expression, NFTA_EXPR_DATA)?;
        let data = data.map_or(Field::new("NFTA_EXPR_DATA", &[]), |d| d.named("NFTA_EXPR_DATA"));
        match name.named("NFTA_EXPR_NAME").string().as_str() {
            "meta" => {
                let is_iifname = be32(&data, NFTA_META_KEY, "NFTA_META_KEY")? == NFT_META_IIFNAME;
                self.is_other |= !is_iifname;
                self.loaded = Loaded::InputInterface;
            }
            "fib" => {
                let result = be32(&data, NFTA_FIB_RESULT, "NFTA_FIB_RESULT")?;
                let flags = be32(&data, NFTA_FIB_FLAGS, "NFTA_FIB_FLAGS")?;
                let way_back = flags & !NFTA_FIB_F_PRESENT & !NFTA_FIB_F_IIF == NFTA_FIB_F_SADDR;
                self.is_other |= result != NFT_FIB_RESULT_OIF || !way_back;
                self.strict = Some(flags & NFTA_FIB_F_IIF != 0);
                self.loaded = Loaded::WayBack;
            }
            "cmp" => self.compare(&data)?,
            "counter" => {
                self.packets = be64(&data, NFTA_COUNTER_PACKETS, "NFTA_COUNTER_PACKETS")?;
                self.bytes = be64(&data, NFTA_COUNTER_BYTES, "NFTA_COUNTER_BYTES")?;
            }
            "immediate" => self.drops = verdict(&data)? == Some(NF_DROP),
            _ => self.is_other = true,
        }
        Ok(())
    }

    fn compare(&mut self, data: &Field<'_>) -> Result<(), WireError> {
        let is_equal = be32(data, NFTA_CMP_OP, "NFTA_CMP_OP")? == NFT_CMP_EQ;
        let value = find(data, NFTA_CMP_DATA)?.ok_or(absent("NFTA_CMP_DATA"))?;
        let value = find(&value.named("NFTA_CMP_DATA"), NFTA_DATA_VALUE)?;
        let value = value.ok_or(absent("NFTA_DATA_VALUE"))?;
        match std::mem::take(&mut self.loaded) {
            // The name is compared with its NUL; without one it is the beginning of many names.
            Loaded::InputInterface if is_equal && value.payload.contains(&0) => {
                self.interface = Some(value.named("NFTA_DATA_VALUE").string());
            }
            Loaded::WayBack if is_equal && value.payload.iter().all(|byte| *byte == 0) => {
                self.is_compared = true;
            }
            _ => self.is_other = true,
        }
        Ok(())
    }
}

/// The verdict of an `immediate` expression; none where it loads data.
fn verdict(data: &Field<'_>) -> Result<Option<u32>, WireError> {
    let Some(loads) = find(data, NFTA_IMMEDIATE_DATA)? else { return Ok(None) };
    let Some(verdict) = find(&loads.named("NFTA_IMMEDIATE_DATA"), NFTA_DATA_VERDICT)? else {
        return Ok(None);
    };
    be32(&verdict.named("NFTA_DATA_VERDICT"), NFTA_VERDICT_CODE, "NFTA_VERDICT_CODE").map(Some)
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

    const RECORDINGS: [&str; 2] = [
        include_str!("../../tests/wire/6.1-nft.hex"),
        include_str!("../../tests/wire/6.12-nft.hex"),
    ];

    fn rule(
        family: Family,
        interface: Option<&str>,
        strict: bool,
        packets: u64,
        bytes: u64,
    ) -> SourceValidation {
        let interface = interface.map(str::to_owned);
        SourceValidation { family, interface, strict, packets, bytes }
    }

    #[test]
    fn the_rules_of_vyos_are_read_and_those_of_other_forms_are_not() {
        for recording in RECORDINGS {
            let all = payloads(recording, NEWRULE);
            let read: Vec<_> = all.iter().filter_map(|rule| decode(rule).unwrap()).collect();
            assert_eq!(all.len(), 14);
            let expected = [
                rule(Family::Inet, Some("vti0"), true, 5, 420),
                rule(Family::Inet, None, true, 0, 0),
                rule(Family::Inet6, Some("vti8"), false, 7, 700),
            ];
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_rule_cut_short_is_an_error_or_no_such_rule() {
        let all = payloads(RECORDINGS[1], NEWRULE);
        let whole = all.iter().find(|rule| decode(rule).unwrap().is_some()).unwrap();
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
}
