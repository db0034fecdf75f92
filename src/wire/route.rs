//! RTM_NEWROUTE: entries of routing tables, and the kernel's answer to a route question
//! (`fib_dump_info()`, `rt_fill_info()`, `rt6_fill_node()`).

use super::attribute::{Attribute, Attributes, Field, WireError, family, split_record};
use super::netlink::Request;
use crate::snapshot::route::RouteType;
use crate::snapshot::{Family, Route, RouteAnswer, RouteQuery};
use std::net::IpAddr;

/// RTM_NEWROUTE.
pub const NEWROUTE: u16 = 24;
/// RTM_GETROUTE.
pub const GETROUTE: u16 = 26;

/// `sizeof(struct rtmsg)`.
pub const HEADER: usize = 12;
/// `sizeof(struct rtnexthop)`.
const NEXT_HOP_HEADER: usize = 8;
const RTM_F_CLONED: u32 = 0x200;
const RTM_F_LOOKUP_TABLE: u32 = 0x1000;
const RTNH_F_DEAD: u32 = 1;
const RTNH_F_LINKDOWN: u32 = 16;
const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
const RTA_MARK: u16 = 16;
const RTA_VIA: u16 = 18;
const RTAX_MTU: u16 = 2;

/// What a table entry and an answer have in common.
struct Decoded<'a> {
    route: Route,
    flags: u32,
    mtu: Option<u32>,
    multipath: Option<Field<'a>>,
    family: Family,
}

/// The route of a table, once for each next hop. Empty for what is no entry of a unicast table of IPv4 or IPv6: other families,
/// and cached clones, which some kernels put into dumps.
pub fn decode(payload: &[u8]) -> Result<Vec<Route>, WireError> {
    let Some(Decoded { mut route, flags, multipath, family, .. }) = decode_common(payload)? else {
        return Ok(Vec::new());
    };
    if flags & RTM_F_CLONED != 0 {
        return Ok(Vec::new());
    }
    match multipath {
        Some(next_hops) => decode_next_hops(&route, next_hops, family),
        None => {
            route.dead = flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) != 0;
            Ok(vec![route])
        }
    }
}

/// The answer to a route question.
pub fn decode_answer(payload: &[u8]) -> Result<RouteAnswer, WireError> {
    let Decoded { route, mtu, .. } =
        decode_common(payload)?.ok_or(WireError::Absent { what: "RTA_DST" })?;
    Ok(RouteAnswer::Route {
        route_type: route.route_type,
        oif: route.oif.ok_or(WireError::Absent { what: "RTA_OIF" })?,
        gateway: route.gateway,
        source: route.preferred_source,
        table: route.table,
        mtu,
    })
}

/// The question as a request. RTM_F_FIB_MATCH is not set: asked for is the route that packets take, with a learned path MTU.
pub fn question(query: &RouteQuery) -> Request {
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => (2, address.octets().to_vec()),
        IpAddr::V6(address) => (10, address.octets().to_vec()),
    };
    let bits = |address: &[u8]| u8::try_from(address.len().saturating_mul(8)).unwrap_or(u8::MAX);
    let (family, destination) = octets(query.destination);
    let source = query.source.map(|address| octets(address).1).unwrap_or_default();
    let mut header = [0; HEADER];
    let [af, destination_length, source_length, _, _, _, _, _, flags @ ..] = &mut header;
    (*af, *destination_length, *source_length) = (family, bits(&destination), bits(&source));
    *flags = RTM_F_LOOKUP_TABLE.to_ne_bytes();
    let mut request = Request::get(GETROUTE).structure(&header).attribute(RTA_DST, &destination);
    if !source.is_empty() {
        request = request.attribute(RTA_SRC, &source);
    }
    if query.mark != 0 {
        request = request.attribute(RTA_MARK, &query.mark.to_ne_bytes());
    }
    if let Some(vrf) = query.vrf {
        request = request.attribute(RTA_OIF, &vrf.to_ne_bytes());
    }
    request
}

fn decode_common(payload: &[u8]) -> Result<Option<Decoded<'_>>, WireError> {
    let header = Field::new("rtmsg", payload);
    let (number, destination_length, table) = (header.u8(0)?, header.u8(1)?, header.u8(4)?);
    let (protocol, route_type, flags) = (header.u8(5)?, header.u8(7)?, header.u32(8)?);
    let Some(family) = family(number.into()) else { return Ok(None) };
    let mut route = Route {
        destination: family.all(),
        table: table.into(),
        route_type: decode_type(route_type),
        protocol,
        oif: None,
        gateway: None,
        metric: 0,
        preferred_source: None,
        dead: false,
    };
    let (mut mtu, mut multipath) = (None, None);
    for attribute in header.attributes(HEADER) {
        let attribute = attribute?;
        match attribute.kind {
            RTA_DST => {
                let field = attribute.named("RTA_DST");
                route.destination = field.prefix(0, family, destination_length)?;
            }
            RTA_OIF => route.oif = Some(attribute.named("RTA_OIF").u32(0)?),
            RTA_GATEWAY | RTA_VIA => route.gateway = decode_gateway(attribute, family)?,
            RTA_PRIORITY => route.metric = attribute.named("RTA_PRIORITY").u32(0)?,
            RTA_PREFSRC => {
                route.preferred_source = Some(attribute.named("RTA_PREFSRC").address(0, family)?);
            }
            RTA_METRICS => mtu = decode_mtu(attribute.named("RTA_METRICS").attributes(0))?,
            RTA_MULTIPATH => multipath = Some(attribute.named("RTA_MULTIPATH")),
            RTA_TABLE => route.table = attribute.named("RTA_TABLE").u32(0)?,
            _ => {}
        }
    }
    Ok(Some(Decoded { route, flags, mtu, multipath, family }))
}

/// RTA_MULTIPATH: a list of `struct rtnexthop`, each with attributes.
fn decode_next_hops(
    route: &Route,
    next_hops: Field<'_>,
    family: Family,
) -> Result<Vec<Route>, WireError> {
    let (mut routes, mut rest) = (Vec::new(), next_hops.bytes());
    while !rest.is_empty() {
        let header = Field::new("rtnexthop", rest);
        let (length, flags, ifindex) = (header.u16(0)?, u32::from(header.u8(2)?), header.u32(4)?);
        let (attributes, next) = split_record("rtnexthop", rest, length.into(), NEXT_HOP_HEADER)?;
        rest = next;
        let mut hop = Route { oif: Some(ifindex), ..route.clone() };
        hop.dead = flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) != 0;
        for attribute in Field::new("rtnexthop", attributes).attributes(0) {
            let attribute = attribute?;
            if matches!(attribute.kind, RTA_GATEWAY | RTA_VIA) {
                hop.gateway = decode_gateway(attribute, family)?;
            }
        }
        routes.push(hop);
    }
    Ok(routes)
}

/// RTA_GATEWAY, or RTA_VIA, which says its own family. None where that is neither IPv4 nor IPv6.
fn decode_gateway(
    attribute: Attribute<'_>,
    route_family: Family,
) -> Result<Option<IpAddr>, WireError> {
    if attribute.kind == RTA_GATEWAY {
        return attribute.named("RTA_GATEWAY").address(0, route_family).map(Some);
    }
    let via = attribute.named("RTA_VIA");
    family(via.u16(0)?).map(|family| via.address(2, family)).transpose()
}

fn decode_mtu(metrics: Attributes<'_>) -> Result<Option<u32>, WireError> {
    let mut mtu = None;
    for metric in metrics {
        let metric = metric?;
        if metric.kind == RTAX_MTU {
            mtu = Some(metric.named("RTAX_MTU").u32(0)?);
        }
    }
    Ok(mtu)
}

const fn decode_type(number: u8) -> RouteType {
    match number {
        1 => RouteType::Unicast,
        2 => RouteType::Local,
        3 => RouteType::Broadcast,
        4 => RouteType::Anycast,
        5 => RouteType::Multicast,
        6 => RouteType::Blackhole,
        7 => RouteType::Unreachable,
        8 => RouteType::Prohibit,
        9 => RouteType::Throw,
        other => RouteType::Other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::netlink;
    use crate::wire::samples::payloads;

    fn routes(table: u32, destination: &str) -> Vec<Route> {
        let all = payloads(include_str!("../../tests/wire/6.1-routes.hex"), NEWROUTE);
        let all = all.iter().flat_map(|payload| decode(payload).unwrap());
        all.filter(|r| r.table == table && r.destination.to_string() == destination).collect()
    }

    fn hops(table: u32, destination: &str) -> Vec<(Option<u32>, Option<String>)> {
        let routes = routes(table, destination);
        routes.iter().map(|r| (r.oif, r.gateway.map(|g| g.to_string()))).collect()
    }

    #[test]
    fn a_multipath_route_is_one_route_for_each_next_hop() {
        let gateway = |text: &str| Some(text.to_owned());
        let four = [(Some(6), gateway("192.0.2.2")), (Some(9), None)];
        assert_eq!(hops(254, "10.10.0.0/16"), four);
        assert_eq!(routes(254, "10.10.0.0/16")[1].metric, 7);
        let six = [(Some(6), gateway("2001:db8::2")), (Some(15), gateway("fe80::1"))];
        assert_eq!(hops(254, "2001:db8:1::/48"), six);
    }

    #[test]
    fn a_route_without_a_destination_is_the_default_route() {
        assert_eq!(hops(254, "0.0.0.0/0"), [(Some(6), Some("192.0.2.254".to_owned()))]);
        assert_eq!(hops(254, "::/0"), [(Some(6), Some("2001:db8::fe".to_owned()))]);
        assert_eq!(routes(1000, "0.0.0.0/0")[0].route_type, RouteType::Unreachable);
    }

    #[test]
    fn a_route_over_a_next_hop_of_the_other_family_has_its_gateway() {
        assert_eq!(hops(254, "10.14.0.0/16"), [(Some(6), Some("2001:db8::fe".to_owned()))]);
    }

    #[test]
    fn a_blackhole_has_no_interface() {
        let route = &routes(254, "10.12.0.0/16")[0];
        assert_eq!((route.route_type, route.oif), (RouteType::Blackhole, None));
        assert_eq!(routes(220, "10.17.0.0/16")[0].route_type, RouteType::Throw);
    }

    #[test]
    fn a_preferred_source_is_read() {
        let route = &routes(254, "10.11.0.0/16")[0];
        assert_eq!(route.preferred_source, Some("10.0.0.1".parse().unwrap()));
        assert_eq!((route.protocol, route.oif), (4, Some(9)));
    }

    #[test]
    fn a_cached_clone_is_no_entry_of_a_table() {
        let answers = payloads(include_str!("../../tests/wire/6.1-answers.hex"), NEWROUTE);
        let four: Vec<_> = answers.iter().filter(|payload| payload[0] == 2).collect();
        assert!(!four.is_empty());
        for payload in four {
            assert_eq!(decode(payload), Ok(Vec::new()));
            assert!(decode_answer(payload).is_ok());
        }
    }

    #[test]
    fn an_answer_has_the_mtu_that_the_route_sets() {
        let answers = payloads(include_str!("../../tests/wire/6.12-answers.hex"), NEWROUTE);
        let expected = RouteAnswer::Route {
            route_type: RouteType::Local,
            oif: 1,
            gateway: None,
            source: Some("127.0.0.1".parse().unwrap()),
            table: 255,
            mtu: None,
        };
        let answers: Vec<_> =
            answers.iter().map(|payload| decode_answer(payload).unwrap()).collect();
        assert!(answers.contains(&expected));
        let with_mtu = [2, 32, 0, 0, 254, 0, 0, 1, 0, 2, 0, 0, 8, 0, 4, 0, 6, 0, 0, 0];
        let metrics = [12, 0, 8, 0, 8, 0, 2, 0, 0x14, 5, 0, 0];
        match decode_answer(&[&with_mtu[..], &metrics].concat()).unwrap() {
            RouteAnswer::Route { mtu, oif, .. } => assert_eq!((mtu, oif), (Some(1300), 6)),
            RouteAnswer::Error { .. } => panic!("an error"),
        }
    }

    #[test]
    fn a_question_holds_what_is_asked_and_no_more() {
        let query = RouteQuery {
            destination: "198.51.100.7".parse().unwrap(),
            source: Some("192.0.2.1".parse().unwrap()),
            mark: 0x64,
            vrf: Some(7),
        };
        let bytes = question(&query).bytes(1);
        let message = netlink::messages(&bytes).next().unwrap().unwrap();
        assert_eq!((message.kind, message.flags), (GETROUTE, 1));
        let header = &message.payload[..HEADER];
        assert_eq!(header, [2, 32, 32, 0, 0, 0, 0, 0, 0, 0x10, 0, 0], "RTM_F_LOOKUP_TABLE alone");
        let attributes = Field::new("rtmsg", message.payload).attributes(HEADER);
        let attributes: Vec<_> =
            attributes.map(|a| a.map(|a| (a.kind, a.payload)).unwrap()).collect();
        let expected: [(u16, &[u8]); 4] = [
            (RTA_DST, &[198, 51, 100, 7]),
            (RTA_SRC, &[192, 0, 2, 1]),
            (RTA_MARK, &[0x64, 0, 0, 0]),
            (RTA_OIF, &[7, 0, 0, 0]),
        ];
        assert_eq!(attributes, expected);
        let plain = RouteQuery { source: None, mark: 0, vrf: None, ..query };
        assert_eq!(question(&plain).bytes(1).len(), 16 + HEADER + 8);
    }

    #[test]
    fn a_next_hop_that_is_cut_is_an_error() {
        let header = [2, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];
        let multipath = [12, 0, 9, 0, 16, 0, 0, 0, 6, 0, 0, 0];
        let error = decode(&[header, multipath].concat()).unwrap_err();
        assert_eq!(error.to_string(), "rtnexthop: need 16 bytes, have 8");
    }
}
