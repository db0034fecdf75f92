//! RTM_NEWRULE: policy routing rules (`fib_nl_fill_rule()`).

use super::attribute::{Field, WireError, family};
use crate::snapshot::{Mark, Rule};

/// RTM_NEWRULE.
pub const NEWRULE: u16 = 32;
/// RTM_GETRULE.
pub const GETRULE: u16 = 34;

/// `sizeof(struct fib_rule_hdr)`.
pub const HEADER: usize = 12;
const FIB_RULE_INVERT: u32 = 2;
const FRA_DST: u16 = 1;
const FRA_SRC: u16 = 2;
const FRA_IIFNAME: u16 = 3;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_TABLE: u16 = 15;
const FRA_FWMASK: u16 = 16;
const FRA_OIFNAME: u16 = 17;
const FRA_L3MDEV: u16 = 19;

/// A rule, or none where it is of a family other than AF_INET and AF_INET6 (multicast routing has rules too).
pub fn decode(payload: &[u8]) -> Result<Option<Rule>, WireError> {
    let header = Field::new("fib_rule_hdr", payload);
    let (number, destination_length, source_length) = (header.u8(0)?, header.u8(1)?, header.u8(2)?);
    let (table, action, flags) = (header.u8(4)?, header.u8(7)?, header.u32(8)?);
    let Some(family) = family(number.into()) else { return Ok(None) };
    let mut rule = Rule {
        family,
        priority: 0,
        action,
        table: table.into(),
        source: None,
        destination: None,
        fwmark: Mark::default(),
        iif: None,
        oif: None,
        l3mdev: false,
        invert: flags & FIB_RULE_INVERT != 0,
    };
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            FRA_DST => {
                let field = attribute.named("FRA_DST");
                rule.destination = Some(field.prefix(0, family, destination_length)?);
            }
            FRA_SRC => {
                let field = attribute.named("FRA_SRC");
                rule.source = Some(field.prefix(0, family, source_length)?);
            }
            FRA_IIFNAME => rule.iif = Some(attribute.named("FRA_IIFNAME").string()),
            FRA_OIFNAME => rule.oif = Some(attribute.named("FRA_OIFNAME").string()),
            FRA_PRIORITY => rule.priority = attribute.named("FRA_PRIORITY").u32(0)?,
            FRA_FWMARK => rule.fwmark.value = attribute.named("FRA_FWMARK").u32(0)?,
            FRA_FWMASK => rule.fwmark.mask = attribute.named("FRA_FWMASK").u32(0)?,
            FRA_TABLE => rule.table = attribute.named("FRA_TABLE").u32(0)?,
            FRA_L3MDEV => rule.l3mdev = attribute.named("FRA_L3MDEV").u8(0)? != 0,
            _ => {}
        }
    }
    Ok(Some(rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Family;
    use crate::wire::samples::payloads;

    fn rules() -> Vec<Option<Rule>> {
        let all = payloads(include_str!("../../tests/wire/6.1-rules.hex"), NEWRULE);
        all.iter().map(|payload| decode(payload).unwrap()).collect()
    }

    fn rule(family: Family, priority: u32) -> Rule {
        let all = rules().into_iter().flatten();
        all.into_iter().find(|r| r.family == family && r.priority == priority).unwrap()
    }

    #[test]
    fn a_rule_has_its_selectors_and_its_table() {
        let marked = rule(Family::Inet, 100);
        assert_eq!((marked.action, marked.table), (1, 220));
        assert_eq!(marked.fwmark, Mark { value: 5, mask: 0xff });
        let inverted = rule(Family::Inet, 101);
        assert!(inverted.invert);
        assert_eq!(inverted.source, Some("10.0.0.0/8".parse().unwrap()));
        assert_eq!(inverted.destination, Some("192.0.2.0/24".parse().unwrap()));
        let blackhole = rule(Family::Inet, 102);
        assert_eq!(blackhole.action, 6);
        assert_eq!(
            (blackhole.iif.as_deref(), blackhole.oif.as_deref()),
            (Some("vti0"), Some("wan"))
        );
        assert!(rule(Family::Inet6, 1000).l3mdev);
    }

    #[test]
    fn a_table_above_255_is_read_in_full() {
        assert_eq!(rule(Family::Inet6, 103).table, 70000);
    }

    #[test]
    fn the_rules_of_multicast_routing_are_none() {
        assert!(rules().contains(&None));
    }
}
