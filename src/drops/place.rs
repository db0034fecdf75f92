//! Where in the kernel a packet was dropped, from the function's name and the reason alone. This is the early filter.

use crate::snapshot::Driver;

/// A stage of a tunnel's path that drops packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// `ndo_start_xmit` of the device: carrier errors, collisions, packets too big, other ethertypes.
    Device(Driver),
    /// `xfrm_output_resume()`, after the device: aborted errors.
    Output,
    /// A packet filter, which may have refused the encrypted packet.
    Filter,
    /// The queue of packets that wait for an SA.
    Queue,
    /// The queue of the device through which the encrypted packet leaves (`__dev_xmit_skb()`).
    OuterQueue,
    /// `xfrm_input()`: before and while a packet is decrypted.
    Input,
    /// `vti_input()`: the encrypted packet itself, by a policy, before the SA is looked up.
    OuterPolicy,
    /// `__xfrm_policy_check()`: afterwards.
    PolicyCheck,
    /// This host, after the packet came out of a tunnel.
    Behind(Behind),
}

/// What drops a packet that came out of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Behind {
    /// `fib_validate_source()`.
    ReversePath,
    /// A packet filter.
    Filter,
    /// `ip_error()`, `ip6_pkt_drop()`: no route, or forwarding is off.
    Routing,
    /// Something else: a socket, a protocol, a checksum.
    Other,
}

impl Place {
    /// The place of a drop; `None` if the packet was not on its way through a tunnel.
    ///
    /// `function` is that of the symbol, `reason` a name of `enum skb_drop_reason`.
    pub fn of(function: &str, reason: Option<&str>) -> Option<Self> {
        Some(match function {
            "vti_tunnel_xmit" | "vti_xmit" => Place::Device(Driver::Vti),
            "vti6_tnl_xmit" | "vti6_xmit" => Place::Device(Driver::Vti6),
            "xfrmi_xmit" | "xfrmi_xmit2" => Place::Device(Driver::Xfrm),
            "xfrm_output_resume" | "xfrm_output" | "xfrm_output2" | "xdst_queue_output" => {
                Place::Output
            }
            "xfrm_queue_purge" | "xfrm_policy_queue_process" => Place::Queue,
            "xfrm_input"
            | "xfrm_trans_reinject"
            | "vti_rcv"
            | "vti_rcv_proto"
            | "vti6_rcv"
            | "vti6_rcv_tunnel"
            | "xfrmi4_rcv_tunnel"
            | "xfrmi6_rcv_tunnel"
            | "xfrm4_rcv_encap"
            | "xfrm6_rcv_encap" => Place::Input,
            "vti_input" | "vti6_input_proto" => Place::OuterPolicy,
            _ if reason == Some("XFRM_POLICY") => Place::PolicyCheck,
            // Newer kernels free the packet in nft_do_chain(), with a reason (`kernel::Change::NftablesDropsItself`).
            "nf_hook_slow" => Place::Filter,
            _ if reason == Some("NETFILTER_DROP") => Place::Filter,
            // Of Linux before 5.18, which has no reasons.
            "kfree_skb_list" if reason.is_none() => Place::OuterQueue,
            _ if reason.is_some_and(is_of_a_queue) => Place::OuterQueue,
            _ => return None,
        })
    }

    /// The place of a drop of a packet that a VTI delivered to this host.
    pub fn behind(function: &str, reason: Option<&str>) -> Self {
        Place::Behind(match (function, reason) {
            (_, Some("IP_RPFILTER")) => Behind::ReversePath,
            (_, Some("NETFILTER_DROP")) | ("nf_hook_slow", None) => Behind::Filter,
            (_, Some("IP_INADDRERRORS" | "IP_INNOROUTES")) => Behind::Routing,
            ("ip_error" | "ip6_pkt_drop" | "ip6_pkt_discard", _) => Behind::Routing,
            _ => Behind::Other,
        })
    }

    /// Whether the packet was on its way out.
    pub const fn is_outbound(self) -> bool {
        !matches!(self, Place::Input | Place::OuterPolicy | Place::PolicyCheck | Place::Behind(_))
    }

    /// Whether the device counts it in tx_errors.
    pub const fn is_counted(self) -> bool {
        matches!(self, Place::Device(_) | Place::Output | Place::Filter | Place::OuterQueue)
    }

    /// Whether that depends on the device and on the kind of queue: xfrm counts what a queue refuses as aborted, vti and vti6 as sent.
    pub const fn may_be_counted(self) -> bool {
        matches!(self, Place::OuterQueue)
    }
}

/// Reasons of qdiscs (`include/net/dropreason-core.h`).
fn is_of_a_queue(reason: &str) -> bool {
    const OTHERS: [&str; 4] = ["CAKE_FLOOD", "FQ_BAND_LIMIT", "FQ_HORIZON_LIMIT", "FQ_FLOW_LIMIT"];
    reason.starts_with("QDISC_") || OTHERS.contains(&reason)
}
