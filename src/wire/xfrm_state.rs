//! XFRM_MSG_NEWSA: security associations (`copy_to_user_state_extra()`).
//! Of the attributes with keys (XFRMA_ALG_*) only the heads are read, in `algorithm`. Keep it so.

use super::algorithm::{self, ALGORITHMS};
use super::attribute::{Attributes, Field, WireError, family};
use super::selector::{decode_lifetime, decode_limits, decode_mark, decode_mode, decode_selector};
use crate::snapshot::{Direction, Encapsulation, IfId, Mark, Offload, ReplayState, ReqId, Sa, Spi};

/// XFRM_MSG_NEWSA.
pub const NEWSA: u16 = 16;
/// XFRM_MSG_GETSA.
pub const GETSA: u16 = 18;

/// `sizeof(struct xfrm_usersa_info)`.
const HEADER: usize = 224;
const XFRMA_ENCAP: u16 = 4;
const XFRMA_REPLAY_VAL: u16 = 10;
const XFRMA_LASTUSED: u16 = 15;
const XFRMA_MARK: u16 = 21;
const XFRMA_REPLAY_ESN_VAL: u16 = 23;
const XFRMA_SA_EXTRA_FLAGS: u16 = 24;
const XFRMA_OFFLOAD_DEV: u16 = 28;
const XFRMA_SET_MARK: u16 = 29;
const XFRMA_SET_MARK_MASK: u16 = 30;
const XFRMA_IF_ID: u16 = 31;
const XFRMA_SA_DIR: u16 = 33;
const XFRMA_SA_PCPU: u16 = 35;

/// An SA.
pub fn decode(payload: &[u8]) -> Result<Sa, WireError> {
    let header = Field::new("xfrm_usersa_info", payload);
    decode_parts(header, header.attributes(HEADER))
}

/// An SA whose `struct xfrm_usersa_info` and attributes are apart from each other, as in messages about one that is gone.
pub(super) fn decode_parts(header: Field<'_>, attributes: Attributes<'_>) -> Result<Sa, WireError> {
    let window = header.u8(215)?;
    let mut sa = decode_header(header)?;
    let (mut set_mark, mut set_mark_mask) = (None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            kind if ALGORITHMS.contains(&kind) => {
                sa.larval = false;
                sa.algorithms.extend(algorithm::decode(kind, attribute.named("XFRMA_ALG")));
            }
            XFRMA_ENCAP => {
                let field = attribute.named("XFRMA_ENCAP");
                sa.encapsulation = Some(Encapsulation {
                    encap_type: field.u16(0)?,
                    source_port: field.be16(2)?,
                    destination_port: field.be16(4)?,
                });
            }
            XFRMA_REPLAY_VAL => {
                let replay = decode_replay(attribute.named("XFRMA_REPLAY_VAL"), window)?;
                // The kernel sends one of the two; the ESN form says more.
                sa.replay.get_or_insert(replay);
            }
            XFRMA_REPLAY_ESN_VAL => {
                let field = attribute.named("XFRMA_REPLAY_ESN_VAL");
                sa.replay = Some(decode_replay_esn(field)?);
            }
            XFRMA_LASTUSED => {
                sa.last_used = Some(attribute.named("XFRMA_LASTUSED").u64(0)?);
            }
            XFRMA_MARK => sa.mark = decode_mark(attribute.named("XFRMA_MARK"))?,
            XFRMA_SA_EXTRA_FLAGS => {
                sa.extra_flags = attribute.named("XFRMA_SA_EXTRA_FLAGS").u32(0)?;
            }
            XFRMA_OFFLOAD_DEV => {
                let field = attribute.named("XFRMA_OFFLOAD_DEV");
                sa.offload = Some(Offload { ifindex: field.u32(0)?, flags: field.u8(4)? });
            }
            XFRMA_SET_MARK => set_mark = Some(attribute.named("XFRMA_SET_MARK").u32(0)?),
            XFRMA_SET_MARK_MASK => {
                set_mark_mask = Some(attribute.named("XFRMA_SET_MARK_MASK").u32(0)?);
            }
            XFRMA_IF_ID => sa.if_id = IfId(attribute.named("XFRMA_IF_ID").u32(0)?),
            XFRMA_SA_DIR => {
                sa.direction = Some(decode_direction(attribute.named("XFRMA_SA_DIR"))?);
            }
            XFRMA_SA_PCPU => sa.cpu = Some(attribute.named("XFRMA_SA_PCPU").u32(0)?),
            _ => {}
        }
    }
    if let Some(value) = set_mark {
        // Without a mask (older kernels know none, kernel::Change::OutputMarkMask): all bits.
        sa.set_mark = Mark { value, mask: set_mark_mask.unwrap_or(u32::MAX) };
    }
    Ok(sa)
}

/// `struct xfrm_usersa_info`.
fn decode_header(header: Field<'_>) -> Result<Sa, WireError> {
    let number = header.u16(212)?;
    let family = family(number).ok_or_else(|| header.value(number))?;
    Ok(Sa {
        selector: decode_selector(header, family)?,
        destination: header.address(56, family)?,
        spi: Spi(header.be32(72)?),
        larval: true,
        algorithms: Vec::new(),
        protocol: header.u8(76)?,
        source: header.address(80, family)?,
        limits: decode_limits(header, 96)?,
        current: decode_lifetime(header, 160)?,
        replay_window_drops: header.u32(192)?,
        replay_drops: header.u32(196)?,
        integrity_failures: header.u32(200)?,
        reqid: ReqId(header.u32(208)?),
        family,
        mode: decode_mode(header.u8(214)?),
        flags: header.u8(216)?,
        mark: Mark::default(),
        set_mark: Mark::default(),
        if_id: IfId(0),
        replay: None,
        extra_flags: 0,
        encapsulation: None,
        offload: None,
        last_used: None,
        direction: None,
        cpu: None,
        uncounted: false,
    })
}

/// `struct xfrm_replay_state`; the size of its window is in the header.
fn decode_replay(field: Field<'_>, window: u8) -> Result<ReplayState, WireError> {
    let (highest, bitmap) = (field.u32(4)?, field.u32(8)?);
    let window = u32::from(window);
    // `xfrm_replay_advance()` shifts the bitmap: bit 0 is the highest number.
    let arrived = |behind: u32| Some(bitmap.checked_shr(behind)? & 1 == 1);
    let (unseen, oldest_unseen) = unseen(highest.into(), window, arrived);
    let (outbound, inbound) = (field.u32(0)?.into(), highest.into());
    Ok(ReplayState { outbound, inbound, window, unseen, oldest_unseen })
}

/// `struct xfrm_replay_state_esn`; the upper halves are 0 where it is used for a large window without ESN.
fn decode_replay_esn(field: Field<'_>) -> Result<ReplayState, WireError> {
    let number = |low, high| Ok(u64::from(field.u32(high)?) << 32 | u64::from(field.u32(low)?));
    let (outbound, inbound, window) = (number(4, 12)?, number(8, 16)?, field.u32(20)?);
    let lowest_half = field.u32(8)?;
    // `xfrm_replay_check_bmp()`: the bitmap is a ring, in which a number has the bit of its remainder.
    let arrived = |behind: u32| {
        let bit = lowest_half.wrapping_sub(1).checked_rem(window)?;
        let bit = bit.checked_sub(behind).or_else(|| Some(window - (behind - bit)))?;
        let word = usize::try_from(bit / u32::BITS).ok()?;
        let word = field.u32(word.checked_mul(4)?.checked_add(BITMAP)?).ok()?;
        Some(word >> (bit % u32::BITS) & 1 == 1)
    };
    let (unseen, oldest_unseen) = unseen(inbound, window, arrived);
    Ok(ReplayState { outbound, inbound, window, unseen, oldest_unseen })
}

/// Where the bitmap of `struct xfrm_replay_state_esn` begins.
const BITMAP: usize = 24;

/// XFRMA_REPLAY_ESN_MAX: the kernel has no wider window.
const WIDEST: u32 = 4096;

/// How many numbers of the window have not arrived, and how far the oldest of them is behind the highest, by whether the number so far behind
/// it has; none before the first packet, and where the message has no such bit.
fn unseen(
    highest: u64,
    window: u32,
    arrived: impl Fn(u32) -> Option<bool>,
) -> (Option<u32>, Option<u32>) {
    let numbers = u32::try_from(highest).unwrap_or(u32::MAX).min(window);
    if numbers == 0 || window > WIDEST {
        return (None, None);
    }
    let (mut unseen, mut oldest) = (0, None);
    for behind in 0..numbers {
        match arrived(behind) {
            Some(true) => {}
            Some(false) => {
                unseen += 1;
                oldest = Some(behind);
            }
            None => return (None, None),
        }
    }
    (Some(unseen), oldest)
}

fn decode_direction(field: Field<'_>) -> Result<Direction, WireError> {
    match field.u8(0)? {
        1 => Ok(Direction::In),
        2 => Ok(Direction::Out),
        other => Err(field.value(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Family, Limits, Mode};
    use crate::wire::samples::payloads;

    fn payload(spi: u32) -> Vec<u8> {
        let all = payloads(include_str!("../../tests/wire/6.12-states.hex"), NEWSA);
        all.into_iter().find(|payload| decode(payload).unwrap().spi == Spi(spi)).unwrap()
    }

    fn state(spi: u32) -> Sa {
        decode(&payload(spi)).unwrap()
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn an_sa_has_its_addresses_ids_and_limits() {
        let state = state(0xc100_0001);
        assert_eq!(state.source.to_string(), "192.0.2.1");
        assert_eq!(state.destination.to_string(), "198.51.100.7");
        assert_eq!((state.protocol, state.reqid, state.if_id), (50, ReqId(1), IfId(1)));
        assert_eq!((state.mode, state.family), (Mode::Tunnel, Family::Inet));
        let limits = Limits {
            soft_bytes: Some(100_000),
            hard_bytes: Some(200_000),
            soft_packets: Some(1000),
            hard_packets: Some(2000),
            soft_add_seconds: Some(3000),
            hard_add_seconds: Some(3600),
            soft_use_seconds: Some(20),
            hard_use_seconds: Some(30),
        };
        assert_eq!(state.limits, limits);
        let unused = ReplayState { window: 32, ..ReplayState::default() };
        assert_eq!(state.replay, Some(unused));
        assert!(state.current.add_time > 1_700_000_000 && state.current.use_time == 0);
    }

    #[test]
    fn an_sa_without_limits_has_none() {
        assert_eq!(state(0xc100_0003).limits, Limits::default());
    }

    #[test]
    fn marks_and_encapsulation_are_read() {
        let state = state(0xc100_0003);
        assert_eq!(state.mark, Mark { value: 9, mask: 0xff });
        assert_eq!(state.set_mark, Mark { value: 0x64, mask: 0xffff });
        let encapsulation =
            Encapsulation { encap_type: 2, source_port: 4500, destination_port: 4501 };
        assert_eq!(state.encapsulation, Some(encapsulation));
    }

    #[test]
    fn an_output_mark_without_a_mask_counts_in_all_bits() {
        let bytes = [payload(0xc100_0001), attribute(XFRMA_SET_MARK, &[5, 0, 0, 0])].concat();
        assert_eq!(decode(&bytes).unwrap().set_mark, Mark { value: 5, mask: u32::MAX });
    }

    #[test]
    fn extended_sequence_numbers_have_64_bits() {
        let recorded = state(0xc100_0002);
        assert!(recorded.uses_esn());
        assert_eq!(recorded.replay.unwrap().window, 128);
        let numbers = [4, 0x10, 0x20, 1, 2, 64].map(u32::to_ne_bytes).concat();
        let bytes = [payload(0xc100_0001), attribute(XFRMA_REPLAY_ESN_VAL, &numbers)].concat();
        // The message ends before the bitmap.
        let expected = ReplayState {
            outbound: 0x1_0000_0010,
            inbound: 0x2_0000_0020,
            window: 64,
            ..ReplayState::default()
        };
        assert_eq!(decode(&bytes).unwrap().replay, Some(expected));
    }

    /// What has not arrived, with a window of 32 and the highest number 10.
    fn unseen_of_ten(bitmap: u32) -> (Option<u32>, Option<u32>) {
        let numbers = [0, 10, bitmap].map(u32::to_ne_bytes).concat();
        let replay = decode_replay(Field::new("", &numbers), 32).unwrap();
        assert_eq!((replay.inbound, replay.window), (10, 32));
        (replay.unseen, replay.oldest_unseen)
    }

    #[test]
    fn zeros_of_the_bitmap_are_numbers_that_have_not_arrived() {
        assert_eq!(unseen_of_ten(0b11_1111_1111), (Some(0), None));
        // Numbers before the first one are none that could arrive.
        assert_eq!(unseen_of_ten(0b01_1011_1101), (Some(3), Some(9)));
    }

    /// The same by the ring of `struct xfrm_replay_state_esn`: the numbers that arrived, one after another.
    fn unseen_of(window: u32, highest: u64, missing: &[u64]) -> (Option<u32>, Option<u32>) {
        let words = usize::try_from(window.div_ceil(32)).unwrap();
        let mut bitmap = vec![0_u32; words];
        for number in highest.saturating_sub(u64::from(window)) + 1..=highest {
            if !missing.contains(&number) {
                let bit = (u32::try_from(number & 0xffff_ffff).unwrap().wrapping_sub(1)) % window;
                bitmap[usize::try_from(bit / 32).unwrap()] |= 1 << (bit % 32);
            }
        }
        let [low, high] = [highest & 0xffff_ffff, highest >> 32].map(|n| u32::try_from(n).unwrap());
        let head = [u32::try_from(words).unwrap(), 0, low, 0, high, window];
        let bytes: Vec<u8> = head.into_iter().chain(bitmap).flat_map(u32::to_ne_bytes).collect();
        let replay = decode_replay_esn(Field::new("", &bytes)).unwrap();
        assert_eq!((replay.inbound, replay.window), (highest, window));
        (replay.unseen, replay.oldest_unseen)
    }

    #[test]
    fn the_ring_of_a_large_window_is_read_from_its_highest_number() {
        for window in [32, 100, 128, 4096] {
            assert_eq!(unseen_of(window, 9000, &[]), (Some(0), None), "{window}");
            assert_eq!(unseen_of(window, 9000, &[8995, 8990]), (Some(2), Some(10)), "{window}");
            let oldest = u64::from(window) - 1;
            assert_eq!(unseen_of(window, 9000, &[9000 - oldest]), (Some(1), Some(window - 1)));
            assert_eq!(unseen_of(window, 9000, &[8999 - oldest]), (Some(0), None), "{window}");
        }
        assert_eq!(unseen_of(128, 20, &[3]), (Some(1), Some(17)));
        assert_eq!(unseen_of(128, 0x2_0000_0010, &[0x1_ffff_fff0]), (Some(1), Some(32)));
    }

    #[test]
    fn a_larval_sa_has_no_spi_and_the_flow_as_its_selector() {
        let state = state(0);
        assert!(state.is_larval());
        assert_eq!(
            state.selector.to_string().split(" protocol").next(),
            Some("10.0.0.1/32 -> 10.77.0.1/32")
        );
        assert_eq!((state.selector.protocol, state.selector.source_port.port), (1, 8));
        assert_eq!(state.limits.hard_add_seconds, Some(30));
    }

    #[test]
    fn a_selector_without_a_family_is_shown_in_that_of_its_sa() {
        let state = state(0xc100_0004);
        assert_eq!((state.family, state.selector.family), (Family::Inet6, Family::Unspec));
        assert_eq!(state.selector.source.to_string(), "::/0");
    }

    #[test]
    fn a_selector_without_a_family_may_have_the_prefix_lengths_of_either() {
        let mut bytes = payload(0xc100_0001);
        bytes[40..44].copy_from_slice(&[0, 0, 128, 0]);
        let selector = decode(&bytes).unwrap().selector;
        assert_eq!((selector.family, selector.destination.prefix_len()), (Family::Unspec, 128));
        bytes[42] = 129;
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "xfrm_usersa_info: unexpected value 129");
        bytes[40..44].copy_from_slice(&[2, 0, 33, 0]);
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "xfrm_usersa_info: unexpected value 33");
    }

    #[test]
    fn the_direction_of_newer_kernels_is_read() {
        assert_eq!(state(0xc100_0001).direction, None);
        assert_eq!(state(0xc100_00d1).direction, Some(Direction::In));
        assert_eq!(state(0xc100_00d2).direction, Some(Direction::Out));
        let bytes = [payload(0xc100_0001), attribute(XFRMA_SA_DIR, &[3])].concat();
        assert_eq!(decode(&bytes).unwrap_err().to_string(), "XFRMA_SA_DIR: unexpected value 3");
    }

    #[test]
    fn the_cpu_of_an_sa_is_read_and_0_is_one() {
        assert_eq!(state(0xc100_0001).cpu, None);
        for cpu in [0, 3] {
            let bytes =
                [payload(0xc100_0001), attribute(XFRMA_SA_PCPU, &u32::to_ne_bytes(cpu))].concat();
            assert_eq!(decode(&bytes).unwrap().cpu, Some(cpu));
        }
        let bytes = [payload(0xc100_0001), attribute(XFRMA_SA_PCPU, &[1, 0])].concat();
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "XFRMA_SA_PCPU: need 4 bytes, have 2");
    }

    #[test]
    fn hardware_offload_is_read() {
        let device = attribute(XFRMA_OFFLOAD_DEV, &[6, 0, 0, 0, 4, 0, 0, 0]);
        let bytes = [payload(0xc100_0001), device].concat();
        assert_eq!(decode(&bytes).unwrap().offload, Some(Offload { ifindex: 6, flags: 4 }));
    }

    #[test]
    fn flags_of_both_kinds_are_read() {
        let state = state(0xc100_0007);
        assert_eq!((state.flags, state.extra_flags, state.if_id), (3, 1, IfId(3)));
    }

    #[test]
    fn of_the_attributes_with_keys_only_the_heads_are_read() {
        let plain = state(0xc100_0001);
        for kind in [1, 2, 3, 18, 20] {
            for value in [&[][..], &[0xff; 3], &[0xff; 67]] {
                let bytes = [payload(0xc100_0001), attribute(kind, value)].concat();
                assert_eq!(decode(&bytes).as_ref(), Ok(&plain));
            }
            // Name and lengths; whatever follows changes nothing.
            let head = |key: &[u8]| {
                let name = [&b"cbc(aes)"[..], &[0; 56]].concat();
                let numbers = [256_u32.to_ne_bytes(), 96_u32.to_ne_bytes()].concat();
                let value = [name, numbers, key.to_vec()].concat();
                decode(&[payload(0xc100_0001), attribute(kind, &value)].concat()).unwrap()
            };
            let (one, other) = (head(&[0x11; 32]), head(&[0xee; 64]));
            assert_eq!(one, other);
            let added = one.algorithms.len() - plain.algorithms.len();
            assert_eq!(added, usize::from(kind != 1));
            let shown = format!("{one:?}");
            assert!(!shown.contains("17, 17") && !shown.contains("\\u{11}"), "{shown}");
        }
    }

    #[test]
    fn a_truncated_attribute_is_named() {
        let bytes = [payload(0xc100_0001), attribute(XFRMA_IF_ID, &[1, 0])].concat();
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "XFRMA_IF_ID: need 4 bytes, have 2");
    }
}
