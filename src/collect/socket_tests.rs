//! Sockets under all that a kernel may say: recorded orders of answers, and a live socket where one will do. It decides nothing about a tunnel.

use super::*;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

#[test]
fn a_kernel_that_says_nothing_is_a_timeout() {
    let mut socket = Socket::open(ROUTE).unwrap();
    let failure = socket.receive(Instant::now() + Duration::from_millis(20)).unwrap_err();
    assert_eq!(failure.reason, Reason::TimedOut);
}

#[test]
fn a_datagram_larger_than_the_buffer_is_lost_not_cut() {
    let mut socket = Socket::open(ROUTE).unwrap();
    socket.buffer = ReceiveBuffer::new(64);
    let dump = Dump {
        name: "RTM_GETLINK",
        protocol: ROUTE,
        request: Request::dump(18).structure(&[0; 16]),
        answer: 16,
        patience: PATIENCE,
    };
    let failure = socket.dump(&dump, Instant::now() + PATIENCE, |_| Ok(())).unwrap_err();
    assert_eq!(failure.reason, Reason::Lost);
}

#[test]
fn a_refusal_of_the_kernel_is_its_errno() {
    let mut socket = Socket::open(ROUTE).unwrap();
    // RTM_GETLINK of an interface index that cannot be.
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
    let request = Request::get(18).structure(&header);
    let answer = socket.ask(&request, 16, Instant::now() + PATIENCE, |_| Ok(()));
    assert_eq!(answer, Ok(Err(Errno::ENODEV)));
}

/// What a kernel may answer to one receive; each is given as often as it is listed, and then the socket is silent.
#[derive(Clone)]
enum Said {
    /// The messages of a datagram: type, flags, payload.
    Messages(Vec<(u16, u16, Vec<u8>)>),
    /// The same of an earlier request.
    Stale(Vec<(u16, u16, Vec<u8>)>),
    /// The same, from another process.
    Forged(Vec<(u16, u16, Vec<u8>)>),
    /// A datagram whose last message is cut short.
    Short,
    Errno(Errno),
}

/// Plays back what is said, the same to all sockets that are opened.
#[derive(Clone, Default)]
struct Playback {
    said: Rc<RefCell<VecDeque<Said>>>,
    opened: Rc<Cell<usize>>,
    asked: u32,
}

impl Channel for Playback {
    fn send(&mut self, request: &[u8]) -> nix::Result<()> {
        self.asked = netlink::messages(request).next().unwrap().unwrap().sequence;
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> nix::Result<Datagram> {
        let said = self.said.borrow_mut().pop_front().ok_or(Errno::EAGAIN)?;
        let (messages, sequence, is_of_kernel) = match said {
            Said::Errno(errno) => return Err(errno),
            Said::Messages(messages) => (messages, self.asked, true),
            Said::Stale(messages) => (messages, self.asked.wrapping_sub(1), true),
            Said::Forged(messages) => (messages, self.asked, false),
            Said::Short => (vec![(ANSWER, 0, vec![9; 8])], self.asked, true),
        };
        let mut bytes = Vec::new();
        for (kind, flags, payload) in messages {
            let mut message = Request::get(kind).structure(&payload).bytes(sequence);
            message[6..8].copy_from_slice(&flags.to_ne_bytes());
            bytes.extend(message);
        }
        if bytes.ends_with(&[9; 8]) {
            bytes.truncate(bytes.len() - 4);
        }
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(Datagram { length: bytes.len(), is_cut: false, is_of_kernel })
    }
}

const ANSWER: u16 = 16;
const DONE_WELL: (u16, u16, [u8; 4]) = (DONE, 0, [0; 4]);

/// An object, marked or not as of an interrupted dump.
fn object(number: u8, flags: u16) -> (u16, u16, Vec<u8>) {
    (ANSWER, flags, vec![number; 4])
}

fn ended(errno: Errno) -> (u16, u16, Vec<u8>) {
    (DONE, 0, (-(errno as i32)).to_ne_bytes().to_vec())
}

fn refused(errno: Errno) -> (u16, u16, Vec<u8>) {
    (ERROR, 0, (-(errno as i32)).to_ne_bytes().to_vec())
}

fn well() -> (u16, u16, Vec<u8>) {
    let (kind, flags, payload) = DONE_WELL;
    (kind, flags, payload.to_vec())
}

/// What a dump gives when the kernel says this; also how many sockets it took.
fn dumped(said: &[Said]) -> (Result<Vec<u8>, Reason>, usize) {
    let playback =
        Playback { said: Rc::new(RefCell::new(said.to_vec().into())), ..Playback::default() };
    let dump = Dump {
        name: "RTM_GETLINK",
        protocol: ROUTE,
        request: Request::dump(18).structure(&[0; 16]),
        answer: ANSWER,
        patience: Duration::from_millis(50),
    };
    let open = || {
        playback.opened.set(playback.opened.get() + 1);
        Ok(Socket::over(playback.clone()))
    };
    let decode = |payload: &[u8], list: &mut Vec<u8>| {
        list.push(payload[0]);
        Ok(())
    };
    let read = dump.read_from(open, decode).map_err(|failure| {
        assert!(failure.detail.starts_with("cannot dump RTM_GETLINK: "), "{failure:?}");
        failure.reason
    });
    (read, playback.opened.get())
}

#[test]
fn a_dump_is_read_over_several_datagrams_and_interruptions() {
    let said = [
        Said::Errno(Errno::EINTR),
        Said::Messages(vec![object(1, 0)]),
        Said::Errno(Errno::EAGAIN),
        Said::Stale(vec![object(7, 0), ended(Errno::EPERM)]),
        Said::Forged(vec![object(8, 0), well()]),
        Said::Errno(Errno::EINTR),
        Said::Messages(vec![object(2, 0), object(3, 0)]),
        Said::Messages(vec![well()]),
    ];
    assert_eq!(dumped(&said), (Ok(vec![1, 2, 3]), 1));
}

#[test]
fn an_interrupted_dump_is_thrown_away_and_read_again() {
    let interrupted = [
        Said::Messages(vec![object(1, 0), object(2, DUMP_INTERRUPTED)]),
        Said::Messages(vec![well()]),
    ];
    // The kernel may also say so in the last message alone.
    let late = [
        Said::Messages(vec![object(1, 0)]),
        Said::Messages(vec![(DONE, DUMP_INTERRUPTED, vec![0; 4])]),
    ];
    let good = [Said::Messages(vec![object(5, 0), well()])];
    let said = [&interrupted[..], &late, &good].concat();
    assert_eq!(dumped(&said), (Ok(vec![5]), 1));
    let never = [&interrupted[..], &late, &interrupted, &late, &good].concat();
    assert_eq!(dumped(&never), (Err(Reason::Inconsistent), 1));
}

#[test]
fn a_dump_that_lost_a_part_is_read_again_on_another_socket() {
    let lost = |how: Said| [Said::Messages(vec![object(1, 0)]), how];
    let good = [Said::Messages(vec![object(5, 0), well()])];
    for how in [
        Said::Errno(Errno::ENOBUFS),
        Said::Errno(Errno::EMSGSIZE),
        Said::Messages(vec![refused(Errno::ENOBUFS)]),
        Said::Messages(vec![ended(Errno::ENOBUFS)]),
    ] {
        let said = [&lost(how.clone())[..], &good].concat();
        assert_eq!(dumped(&said), (Ok(vec![5]), 2));
        let always = [&lost(how.clone())[..]; 4].concat();
        assert_eq!(dumped(&always).0, Err(Reason::Lost));
    }
}

#[test]
fn a_dump_that_fails_gives_no_part_of_itself() {
    let after_one = |how: Said| dumped(&[Said::Messages(vec![object(1, 0)]), how]).0;
    let message = |message| Said::Messages(vec![message]);
    for (how, reason) in [
        (message(refused(Errno::EPERM)), Reason::Denied),
        (message(refused(Errno::EOPNOTSUPP)), Reason::Absent),
        (message(ended(Errno::EINVAL)), Reason::Failed),
        (message(ended(Errno::ENODEV)), Reason::Vanished),
        // `nlmsg_end` of a dump that was cut: no error number.
        (message((DONE, 0, Vec::new())), Reason::Malformed),
        (Said::Errno(Errno::ENOMEM), Reason::Failed),
        (Said::Errno(Errno::EBADF), Reason::Failed),
        (Said::Short, Reason::Malformed),
        // Nothing more comes.
        (Said::Errno(Errno::EINTR), Reason::TimedOut),
    ] {
        assert_eq!(after_one(how), Err(reason));
    }
}

#[test]
fn a_question_about_what_vanished_is_answered_with_its_errno() {
    let said = VecDeque::from([
        Said::Errno(Errno::EINTR),
        Said::Stale(vec![object(1, 0)]),
        Said::Messages(vec![refused(Errno::ENODEV)]),
        Said::Errno(Errno::ENOBUFS),
    ]);
    let playback = Playback { said: Rc::new(RefCell::new(said)), ..Playback::default() };
    let mut socket = Socket::over(playback);
    let mut ask = || socket.ask(&Request::get(26), ANSWER, Instant::now() + PATIENCE, |_| Ok(()));
    assert_eq!(ask(), Ok(Err(Errno::ENODEV)));
    assert_eq!(ask().unwrap_err().reason, Reason::Lost);
}

#[test]
fn many_questions_get_their_answers_in_their_order() {
    // RTM_GETLINK: the loopback device, which every network namespace has as its first, and one that cannot be.
    let link = |index: i32| {
        let mut header = [0; 16];
        header[4..8].copy_from_slice(&index.to_ne_bytes());
        Request::get(18).structure(&header)
    };
    let index = |payload: &[u8]| Ok(payload.get(4..8).map(<[u8]>::to_vec));
    let mut socket = Socket::open(ROUTE).unwrap();
    let exists = |position: usize| position % 3 != 1;
    let ask = |position| link(if exists(position) { 1 } else { i32::MAX });
    let requests: Vec<_> = (0..3 * BATCH + 5).map(ask).collect();
    let answers = socket.ask_all(&requests, 16, Instant::now() + PATIENCE, index).unwrap();
    assert_eq!(answers.len(), requests.len());
    for (position, answer) in answers.iter().enumerate() {
        let first = Ok(Some(1_i32.to_ne_bytes().to_vec()));
        let expected = if exists(position) { first } else { Err(Errno::ENODEV) };
        assert_eq!(answer, &expected, "{position}");
    }
    assert_eq!(socket.ask_all(&[], 16, Instant::now() + PATIENCE, index), Ok(Vec::new()));
}

#[test]
fn an_answer_that_does_not_fit_is_lost_not_cut() {
    let mut socket = Socket::open(ROUTE).unwrap();
    socket.buffer = ReceiveBuffer::new(64);
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&1_i32.to_ne_bytes());
    let request = Request::get(18).structure(&header);
    let answers = socket.ask_all(&[request], 16, Instant::now() + PATIENCE, |_| Ok(()));
    assert_eq!(answers.unwrap_err().reason, Reason::Lost);
}

#[test]
fn a_message_that_does_not_fit_leaves_nothing_in_the_buffer_of_a_subscription() {
    const ROOM: usize = 64;
    // RTM_GETLINK of the loopback device: the answer is longer than the room.
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&1_i32.to_ne_bytes());
    let request = Request::get(18).structure(&header);
    let mut socket = Subscription::join(ROUTE, &[]).unwrap();
    socket.buffer = ReceiveBuffer::new(ROOM);
    socket.many = Some(ReceiveBuffer::new(ROOM));
    let is_wiped = |buffer: &ReceiveBuffer| buffer.datagram(ROOM) == [0; ROOM];
    socket.ask(&request, 1).unwrap();
    assert_eq!(socket.next(|_| ()).unwrap_err().reason, Reason::Lost);
    assert!(is_wiped(&socket.buffer));
    socket.ask(&request, 2).unwrap();
    assert_eq!(socket.next_ones(|_| ()).unwrap_err().reason, Reason::Lost);
    assert!(socket.many.as_ref().is_some_and(is_wiped));
}
