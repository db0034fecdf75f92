//! Where in the kernel a packet was dropped, from the function's name and the reason alone.

use super::stop::Stop;
use crate::snapshot::Driver;

/// A place that drops packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// `ndo_start_xmit` of the device: carrier errors, collisions, packets too big, other ethertypes.
    Device(Driver),
    /// `xfrm_output_resume()`, after the device: aborted errors.
    Output,
    /// The queue of packets that wait for an SA.
    Queue,
    /// `xfrm_input()`: before and while a packet is decrypted.
    Input,
    /// `vti_input()`: the encrypted packet itself, by a policy, before the SA is looked up.
    OuterPolicy,
    /// `__xfrm_policy_check()`: afterwards.
    PolicyCheck,
    /// Elsewhere in this host: before a tunnel, behind it, or as its ESP; most often it has nothing to do with tunnels.
    Stack(Stop),
}

impl Place {
    /// The place of a drop.
    ///
    /// `function` is that of the symbol, `reason` a name of `enum skb_drop_reason`.
    pub fn of(function: &str, reason: Option<&str>) -> Self {
        match function {
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
            _ => Place::Stack(Stop::of(function, reason)),
        }
    }
}
