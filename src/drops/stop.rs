//! What stops a packet anywhere in this host but in a VTI, from the function's name and the reason alone; and in words.

/// What stopped a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Stop {
    Filter,
    Queue,
    ReversePath,
    Source,
    Forwarding,
    NoRoute,
    Unreachable,
    HopLimit,
    TooBig,
    TcIngress,
    TcEgress,
    Neighbour,
    NeighbourQueue,
    NextDevice,
    Backlog,
    Device,
    Xdp,
    Program,
    Headers,
    Checksum,
    Protocol,
    NoSocket,
    SocketFilter,
    SocketBuffer,
    Tcp,
    Fragment,
    Memory,
    OtherHost,
    PacketSocket,
    Unknown,
}

impl Stop {
    /// From the function of the symbol and a name of `enum skb_drop_reason` (`include/net/dropreason-core.h`; none before 5.18). The names are
    /// the same in 6.1 and 6.12 where nothing else is said.
    pub fn of(function: &str, reason: Option<&str>) -> Self {
        // The compiler may have split it: `ip_rcv_finish_core.constprop.0`.
        let function = function.split('.').next().unwrap_or_default();
        match reason {
            None | Some("NOT_SPECIFIED") => Self::of_function(function, reason.is_some()),
            Some(reason) => Self::of_reason(function, reason),
        }
    }

    fn of_function(function: &str, has_reasons: bool) -> Self {
        match function {
            // Packets that a rule queues, and that no program takes or that one refuses.
            "nf_hook_slow" | "nf_queue" | "nf_reinject" | "nfqnl_reinject" => Stop::Filter,
            // `__dev_xmit_skb()` of Linux before 5.18, which has no reasons.
            "kfree_skb_list" if !has_reasons => Stop::Queue,
            // What a queue drops when it hands packets on: since 6.18 with a reason.
            _ if function.ends_with("_dequeue") => Stop::Queue,
            "ip_error" | "ip6_pkt_drop" | "ip6_pkt_discard" | "ip6_pkt_prohibit"
            | "dst_discard_out" | "dst_discard" => Stop::Unreachable,
            // Since 6.13 with a reason; no reverse path always had one.
            "ip_rcv_finish_core" | "ip_route_input_slow" => Stop::Source,
            "neigh_invalidate" | "arp_error_report" | "ndisc_error_report" => Stop::Neighbour,
            // Since 6.10 with the reason PACKET_SOCK_ERROR.
            "packet_rcv" | "tpacket_rcv" | "packet_rcv_fanout" => Stop::PacketSocket,
            "__dev_forward_skb2" | "__dev_forward_skb" | "veth_xmit" => Stop::NextDevice,
            _ => Stop::Unknown,
        }
    }

    fn of_reason(function: &str, reason: &str) -> Self {
        match reason {
            "NETFILTER_DROP" => Stop::Filter,
            "IP_RPFILTER" => Stop::ReversePath,
            // All since 6.13.
            "IP_LOCAL_SOURCE" | "IP_INVALID_SOURCE" | "IP_LOCALNET" => Stop::Source,
            "IP_INADDRERRORS" => Stop::Forwarding,
            "IP_INNOROUTES" | "IP_OUTNOROUTES" => Stop::NoRoute,
            "IP_INHDR" if matches!(function, "ip_forward" | "ip6_forward") => Stop::HopLimit,
            "PKT_TOO_BIG" => Stop::TooBig,
            "TC_INGRESS" => Stop::TcIngress,
            // The later ones since 6.8 and 6.9; they do not say in which direction.
            "TC_EGRESS" | "TC_COOKIE_ERROR" | "TC_CHAIN_NOTFOUND" | "TC_RECLASSIFY_LOOP" => {
                Stop::TcEgress
            }
            // QDISC_DROP; since 6.18 QDISC_OVERLIMIT, QDISC_CONGESTED and these.
            "CAKE_FLOOD" | "FQ_BAND_LIMIT" | "FQ_HORIZON_LIMIT" | "FQ_FLOW_LIMIT" => Stop::Queue,
            _ if reason.starts_with("QDISC_") => Stop::Queue,
            "NEIGH_QUEUEFULL" => Stop::NeighbourQueue,
            _ if reason.starts_with("NEIGH_") => Stop::Neighbour,
            "CPU_BACKLOG" => Stop::Backlog,
            "DEV_HDR" | "DEV_READY" | "FULL_RING" | "TAP_FILTER" | "TAP_TXFILTER" => Stop::Device,
            "XDP" => Stop::Xdp,
            // SECURITY_HOOK since 6.14.
            "BPF_CGROUP_EGRESS" | "SECURITY_HOOK" => Stop::Program,
            "IP_INHDR" | "HDR_TRUNC" | "PKT_TOO_SMALL" | "IPV6_BAD_EXTHDR" => Stop::Headers,
            "SKB_CSUM" | "IP_CSUM" | "TCP_CSUM" | "UDP_CSUM" | "ICMP_CSUM" => Stop::Checksum,
            "IP_NOPROTO" | "UNHANDLED_PROTO" | "INVALID_PROTO" | "IPV6DISABLED" => Stop::Protocol,
            "NO_SOCKET" | "SOCKET_CLOSE" => Stop::NoSocket,
            "SOCKET_FILTER" => Stop::SocketFilter,
            "SOCKET_RCVBUFF" | "SOCKET_BACKLOG" | "PROTO_MEM" => Stop::SocketBuffer,
            _ if reason.starts_with("TCP_") => Stop::Tcp,
            // Since 6.2, 6.3.
            "DUP_FRAG" | "FRAG_REASM_TIMEOUT" | "FRAG_TOO_FAR" => Stop::Fragment,
            "NOMEM" | "SKB_GSO_SEG" | "SKB_UCOPY_FAULT" => Stop::Memory,
            "PACKET_SOCK_ERROR" => Stop::PacketSocket,
            "OTHERHOST" | "UNICAST_IN_L2_MULTICAST" => Stop::OtherHost,
            _ => Stop::Unknown,
        }
    }

    /// Whether only packets that this host does not forward come so far.
    pub const fn is_for_no_route(self) -> bool {
        matches!(
            self,
            Stop::NoSocket | Stop::SocketFilter | Stop::SocketBuffer | Stop::Tcp | Stop::OtherHost
        )
    }

    /// Whether what was dropped is a copy: the packet itself went on.
    pub const fn is_of_a_copy(self) -> bool {
        matches!(self, Stop::PacketSocket)
    }

    /// What it is, behind "dropped …: ".
    pub const fn words(self) -> &'static str {
        match self {
            Stop::Filter => "a packet filter",
            Stop::Queue => "a queue was full, or dropped it early",
            Stop::ReversePath => "the reverse path leads elsewhere",
            Stop::Source => "its source is an address of this host, or none of a host",
            Stop::Forwarding => "forwarding is off",
            Stop::NoRoute => "no route",
            Stop::Unreachable => "its route is unreachable, prohibit or blackhole",
            Stop::HopLimit => "its TTL or hop limit ended here, as in a routing loop",
            Stop::TooBig => "larger than the MTU of the next interface",
            Stop::TcIngress => "a filter of tc (ingress)",
            Stop::TcEgress => "a filter of tc (egress)",
            Stop::Neighbour => "the next hop does not answer",
            Stop::NeighbourQueue => "too many packets wait for the next hop to answer",
            Stop::NextDevice => "the device at the other end of the link did not take it",
            Stop::Backlog => "the backlog of a processor was full",
            Stop::Device => "the device did not take it",
            Stop::Xdp => "an XDP program",
            Stop::Program => "a BPF program or a security module",
            Stop::Headers => "its headers are wrong",
            Stop::Checksum => "its checksum is wrong",
            Stop::Protocol => "this host does not have its protocol",
            Stop::NoSocket => "no socket takes it",
            Stop::SocketFilter => "the filter of a socket",
            Stop::SocketBuffer => "the buffer of a socket was full",
            Stop::Tcp => "its TCP connection did not take it",
            Stop::Fragment => "a fragment, and the others are missing",
            Stop::Memory => "no memory for it",
            Stop::OtherHost => "it is for another host on the link",
            Stop::PacketSocket => "a packet socket did not take its copy",
            Stop::Unknown => "the kernel does not say why",
        }
    }
}
