//! The expressions of a rule that packets match or do not: cmp, range and lookup. What a register holds is not decided here.

use super::condition::{Comparison, Slot, compare, slots};
use super::field::{self, Ip};
use super::message::{absent, be32, be32_or, find, value};
use super::register::NFT_REG_VERDICT;
use super::rule::{NFTA_SREG, Reader, Use};
use super::set::Layout;
use crate::snapshot::filter::{Field, Match, Range, Step, Value, Verdict, VerdictMap};
use crate::wire::attribute::{self, WireError};

const NFTA_CMP_OP: u16 = 2;
const NFTA_CMP_DATA: u16 = 3;
const NFTA_RANGE_OP: u16 = 2;
const NFTA_RANGE_FROM: u16 = 3;
const NFTA_RANGE_TO: u16 = 4;
const NFTA_LOOKUP_SET: u16 = 1;
const NFTA_LOOKUP_SREG: u16 = 2;
const NFTA_LOOKUP_DREG: u16 = 3;
const NFTA_LOOKUP_FLAGS: u16 = 5;
const NFT_LOOKUP_F_INV: u32 = 1;
const NFPROTO_IPV4: u64 = 2;
const NFPROTO_IPV6: u64 = 10;
const ETH_P_IP: u64 = 0x0800;
const ETH_P_IPV6: u64 = 0x86dd;

impl Reader<'_> {
    /// `cmp`.
    pub(super) fn compare(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let register = be32(data, NFTA_SREG, "NFTA_CMP_SREG")?;
        let comparison = be32(data, NFTA_CMP_OP, "NFTA_CMP_OP")?;
        let value = value(data, NFTA_CMP_DATA, "NFTA_CMP_DATA")?.ok_or(absent("NFTA_CMP_DATA"))?;
        let cells = self.registers.get(register, value.len());
        let slots = slots(&self.registers, &cells);
        let comparison = Comparison::of(comparison);
        let low = self.low.take();
        if let (Some([slot]), Some(comparison)) = (slots.as_deref(), comparison) {
            match (comparison, low) {
                // `a-b` is two comparisons, of which the first asks for a lot of prefixes.
                (Comparison::AtMost, Some((before, low))) if before == *slot => {
                    let values = vec![slot.range(&low, value.bytes())];
                    if let Some(Step::Match(condition)) = self.steps.last_mut() {
                        condition.values = values;
                        return Ok(());
                    }
                }
                (Comparison::AtLeast, _) => self.low = Some((slot.clone(), value.bytes().to_vec())),
                _ => {}
            }
        }
        let condition =
            comparison.and_then(|comparison| compare(&slots?, comparison, value.bytes()));
        self.condition(condition, register, "cmp");
        Ok(())
    }

    fn condition(&mut self, condition: Option<Match>, register: u32, expression: &str) {
        match condition {
            Some(condition) => {
                self.learn(&condition);
                self.steps.push(Step::Match(condition));
            }
            None => {
                let name = self.registers.name(register, expression);
                self.undecided(&name);
            }
        }
    }

    /// A rule that only packets of one family get through.
    fn learn(&mut self, condition: &Match) {
        let ([part], false, [Value::Numbers(numbers)]) =
            (condition.of.as_slice(), condition.not, condition.values.as_slice())
        else {
            return;
        };
        let [Range { first, last }] = numbers.as_slice() else { return };
        match (&part.field, first) {
            _ if first != last => {}
            (Field::Family, &NFPROTO_IPV4) | (Field::Ethertype, &ETH_P_IP) => self.ip = Ip::V4,
            (Field::Family, &NFPROTO_IPV6) | (Field::Ethertype, &ETH_P_IPV6) => self.ip = Ip::V6,
            _ => {}
        }
    }

    /// `range`.
    pub(super) fn range(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let register = be32(data, NFTA_SREG, "NFTA_RANGE_SREG")?;
        let not = be32(data, NFTA_RANGE_OP, "NFTA_RANGE_OP")? == 1;
        let low = value(data, NFTA_RANGE_FROM, "NFTA_RANGE_FROM_DATA")?;
        let high = value(data, NFTA_RANGE_TO, "NFTA_RANGE_TO_DATA")?;
        let (low, high) =
            (low.ok_or(absent("NFTA_RANGE_FROM_DATA"))?, high.ok_or(absent("NFTA_RANGE_TO_DATA"))?);
        let cells = self.registers.get(register, low.len());
        let condition = slots(&self.registers, &cells).and_then(|slots| match slots.as_slice() {
            [slot] => Some(Match {
                of: vec![slot.part().clone()],
                not,
                values: vec![slot.range(low.bytes(), high.bytes())],
                set: None,
            }),
            _ => None,
        });
        self.condition(condition, register, "range");
        Ok(())
    }

    /// `lookup`: in a set, or in a map of verdicts.
    pub(super) fn lookup(&mut self, data: &attribute::Field<'_>) -> Result<(), WireError> {
        let set = find(data, NFTA_LOOKUP_SET)?.ok_or(absent("NFTA_LOOKUP_SET"))?;
        let set = set.named("NFTA_LOOKUP_SET").string();
        let register = be32(data, NFTA_LOOKUP_SREG, "NFTA_LOOKUP_SREG")?;
        let target = find(data, NFTA_LOOKUP_DREG)?;
        let target = target.map(|t| t.named("NFTA_LOOKUP_DREG").be32(0)).transpose()?;
        let not = be32_or(data, NFTA_LOOKUP_FLAGS, "NFTA_LOOKUP_FLAGS", 0)? & NFT_LOOKUP_F_INV != 0;
        let length = self.sets.get(self.family, self.table, &set).map(|key| key.length);
        let slots = length.and_then(|length| {
            let cells = self.registers.get(register, length);
            slots(&self.registers, &cells)
        });
        // What a map holds beside verdicts is not followed.
        if let Some(target) = target.filter(|target| *target != NFT_REG_VERDICT) {
            self.registers.load(target, &field::other("lookup"));
        }
        let Some(slots) = slots else {
            let name = self.registers.name(register, "lookup");
            self.undecided(&name);
            if target == Some(NFT_REG_VERDICT) {
                return self.verdict(Verdict::Target("vmap".to_owned()));
            }
            return Ok(());
        };
        let of = slots.iter().map(|slot| slot.part().clone()).collect();
        self.remember(&set, slots);
        self.steps.push(match target {
            Some(NFT_REG_VERDICT) => Step::VerdictMap(VerdictMap { of, set }),
            _ => Step::Match(Match { of, not, values: Vec::new(), set: Some(set) }),
        });
        Ok(())
    }

    fn remember(&mut self, set: &str, slots: Vec<Slot>) {
        self.uses.push(Use { set: set.to_owned(), layout: Layout(slots) });
    }
}
