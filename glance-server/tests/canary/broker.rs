//! As much of a broker of AMQP 0-9-1 as takes messages and confirms them.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use crate::listening::listening;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

/// Listens as long as the test runs.
pub(crate) struct Broker {
    pub(crate) address: String,
    taken: Arc<Mutex<Taken>>,
}

/// What came, in the order it came in.
#[derive(Default)]
struct Taken {
    /// How the other side says who it is.
    logins: Vec<u8>,
    /// Properties and bodies of messages.
    messages: Vec<u8>,
}

impl Broker {
    pub(crate) fn new() -> Self {
        let taken = Arc::new(Mutex::new(Taken::default()));
        Self { address: listening("127.0.0.1:0", &taken, serve), taken }
    }

    pub(crate) fn logins(&self) -> Vec<u8> {
        self.taken.lock().unwrap().logins.clone()
    }

    pub(crate) fn messages(&self) -> Vec<u8> {
        self.taken.lock().unwrap().messages.clone()
    }
}

fn serve(mut stream: TcpStream, taken: &Mutex<Taken>) -> io::Result<()> {
    stream.read_exact(&mut [0; 8])?;
    // Version, no properties, one mechanism and one language.
    send(&mut stream, 0, (10, 10), b"\x00\x09\x00\x00\x00\x00\x00\x00\x00\x0ePLAIN AMQPLAIN\x00\x00\x00\x05en_US")?;
    let (mut left, mut confirmed) = (0, 0_u64);
    loop {
        let (kind, channel, payload) = frame(&mut stream)?;
        match kind {
            METHOD => answer(&mut stream, channel, &payload, taken)?,
            HEADER => {
                left = payload[4..12].iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
                taken.lock().unwrap().messages.extend_from_slice(&payload);
            }
            BODY => {
                left -= payload.len();
                taken.lock().unwrap().messages.extend_from_slice(&payload);
            }
            _ => continue,
        }
        if matches!(kind, HEADER | BODY) && left == 0 {
            confirmed += 1;
            send(&mut stream, channel, (60, 80), &[&confirmed.to_be_bytes()[..], &[0]].concat())?;
        }
    }
}

fn answer(stream: &mut TcpStream, channel: u16, payload: &[u8], taken: &Mutex<Taken>) -> io::Result<()> {
    let (method, arguments) = payload.split_at(4);
    match (method[1], method[3]) {
        (10, 11) => {
            taken.lock().unwrap().logins.extend_from_slice(arguments);
            send(stream, channel, (10, 30), b"\x07\xff\x00\x02\x00\x00\x00\x00")
        }
        (10, 40) => send(stream, channel, (10, 41), b"\x00"),
        (10, 50) => send(stream, channel, (10, 51), b""),
        (20, 10) => send(stream, channel, (20, 11), b"\x00\x00\x00\x00"),
        (20, 40) => send(stream, channel, (20, 41), b""),
        (40, 10) => send(stream, channel, (40, 11), b""),
        (50, 10) => {
            let name = &arguments[2..3 + usize::from(arguments[2])];
            send(stream, channel, (50, 11), &[name, &[0; 8]].concat())
        }
        (50, 20) => send(stream, channel, (50, 21), b""),
        (85, 10) => send(stream, channel, (85, 11), b""),
        _ => Ok(()),
    }
}

fn send(stream: &mut TcpStream, channel: u16, (class, method): (u8, u8), arguments: &[u8]) -> io::Result<()> {
    let size = u32::try_from(arguments.len() + 4).unwrap();
    let mut bytes = vec![METHOD];
    bytes.extend_from_slice(&channel.to_be_bytes());
    bytes.extend_from_slice(&size.to_be_bytes());
    bytes.extend_from_slice(&[0, class, 0, method]);
    bytes.extend_from_slice(arguments);
    bytes.push(0xce);
    stream.write_all(&bytes)
}

/// The kind of the next frame, its channel and what is in it.
fn frame(stream: &mut TcpStream) -> io::Result<(u8, u16, Vec<u8>)> {
    let mut head = [0; 7];
    stream.read_exact(&mut head)?;
    let [kind, channel_high, channel_low, size @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes(size).try_into().unwrap()];
    stream.read_exact(&mut payload)?;
    stream.read_exact(&mut [0])?;
    Ok((kind, u16::from_be_bytes([channel_high, channel_low]), payload))
}
