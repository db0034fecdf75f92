//! Netlink framing (`struct nlmsghdr`): the messages of a datagram, and requests to send.
//! It knows no protocol beyond NLMSG_ERROR and NLMSG_DONE.

use super::attribute::{Field, WireError, split_record};

/// `sizeof(struct nlmsghdr)`.
const HEADER: usize = 16;

/// NLMSG_ERROR: an errno, or an acknowledgement.
pub const ERROR: u16 = 2;
/// NLMSG_DONE: the end of a dump.
pub const DONE: u16 = 3;
/// NLM_F_DUMP_INTR: the state changed during the dump, which may have left out or repeated objects.
pub const DUMP_INTERRUPTED: u16 = 0x10;

const NLM_F_REQUEST: u16 = 0x01;
const NLM_F_ACK: u16 = 0x04;
const NLM_F_DUMP: u16 = 0x300;

/// One message. It does not print: its payload may hold keys.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`: that of the request it answers.
    pub sequence: u32,
    /// `nlmsg_pid`: the port of the socket that asked.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl Message<'_> {
    /// The errno (positive) of an NLMSG_ERROR or NLMSG_DONE; 0 for an acknowledgement or a dump that ended well.
    pub fn errno(&self) -> Result<i32, WireError> {
        Field::new("nlmsgerr", self.payload).i32(0).map(i32::saturating_neg)
    }
}

/// The messages of a datagram. After an error there are no more.
pub struct Messages<'a> {
    rest: &'a [u8],
}

/// The messages of `datagram`.
pub const fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages { rest: datagram }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        Some(self.split(bytes))
    }
}

impl<'a> Messages<'a> {
    fn split(&mut self, bytes: &'a [u8]) -> Result<Message<'a>, WireError> {
        let header = Field::new("nlmsghdr", bytes);
        let length = usize::try_from(header.u32(0)?).unwrap_or(usize::MAX);
        let (kind, flags) = (header.u16(4)?, header.u16(6)?);
        let (sequence, port) = (header.u32(8)?, header.u32(12)?);
        let (payload, rest) = split_record("nlmsghdr", bytes, length, HEADER)?;
        self.rest = rest;
        Ok(Message { kind, flags, sequence, port, payload })
    }
}

/// A request under construction.
pub struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Request {
    /// A request for one object.
    pub const fn get(kind: u16) -> Self {
        Self { kind, flags: NLM_F_REQUEST, body: Vec::new() }
    }

    /// A request for all objects.
    pub const fn dump(kind: u16) -> Self {
        Self { kind, flags: NLM_F_REQUEST | NLM_F_DUMP, body: Vec::new() }
    }

    /// The same request, which the kernel shall answer with an NLMSG_ERROR of 0 when it has done it.
    pub fn acknowledged(mut self) -> Self {
        self.flags |= NLM_F_ACK;
        self
    }

    /// Adds the structure that the protocol wants after the header.
    pub fn structure(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self.align()
    }

    /// Adds an attribute. Payloads here are addresses and numbers, far below the 64 KiB that its length can say.
    pub fn attribute(mut self, kind: u16, payload: &[u8]) -> Self {
        let length = u16::try_from(payload.len().saturating_add(4)).unwrap_or(u16::MAX);
        self.body.extend_from_slice(&length.to_ne_bytes());
        self.body.extend_from_slice(&kind.to_ne_bytes());
        self.body.extend_from_slice(payload);
        self.align()
    }

    /// The bytes to send.
    pub fn bytes(&self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(HEADER.saturating_add(self.body.len())).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEADER.saturating_add(self.body.len()));
        bytes.extend_from_slice(&length.to_ne_bytes());
        bytes.extend_from_slice(&self.kind.to_ne_bytes());
        bytes.extend_from_slice(&self.flags.to_ne_bytes());
        bytes.extend_from_slice(&sequence.to_ne_bytes());
        bytes.extend_from_slice(&0_u32.to_ne_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn align(mut self) -> Self {
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(datagram: &[u8]) -> Result<Vec<u16>, WireError> {
        messages(datagram).map(|m| m.map(|m| m.kind)).collect()
    }

    #[test]
    fn a_request_is_read_back_as_it_was_built() {
        let bytes = Request::dump(18).structure(&[1, 2, 3]).attribute(31, &[9]).bytes(7);
        let message = messages(&bytes).next().unwrap().unwrap();
        assert_eq!((message.kind, message.flags, message.sequence), (18, 0x301, 7));
        assert_eq!(message.payload, [1, 2, 3, 0, 5, 0, 31, 0, 9, 0, 0, 0]);
    }

    #[test]
    fn a_datagram_holds_several_messages() {
        let mut datagram = Request::get(16).structure(&[0; 4]).bytes(1);
        datagram.extend(Request::get(DONE).bytes(1));
        assert_eq!(kinds(&datagram), Ok(vec![16, DONE]));
    }

    #[test]
    fn a_message_longer_than_its_datagram_is_an_error() {
        let mut datagram = Request::get(16).structure(&[0; 4]).bytes(1);
        datagram.pop();
        assert_eq!(kinds(&datagram).unwrap_err().to_string(), "nlmsghdr: need 20 bytes, have 19");
    }

    #[test]
    fn a_message_shorter_than_its_header_is_an_error() {
        let mut datagram = Request::get(16).bytes(1);
        datagram[0] = 15;
        assert_eq!(kinds(&datagram).unwrap_err().to_string(), "nlmsghdr: unexpected value 15");
    }

    #[test]
    fn the_errno_of_an_error_is_positive() {
        let bytes = Request::get(ERROR).structure(&(-13_i32).to_ne_bytes()).bytes(1);
        assert_eq!(messages(&bytes).next().unwrap().unwrap().errno(), Ok(13));
        let bytes = Request::get(ERROR).structure(&i32::MIN.to_ne_bytes()).bytes(1);
        assert_eq!(messages(&bytes).next().unwrap().unwrap().errno(), Ok(i32::MAX));
    }
}
