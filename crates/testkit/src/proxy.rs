//! A TCP proxy between any two parts that makes the faults of a network, switched while it runs.
//! It understands nothing of what it carries.

mod connection;
mod faults;
mod record;

use std::io;
use std::net::{self, SocketAddr};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use connection::Connection;
use faults::Faults;
use record::Record;

/// Orders that may wait; each caller waits for its own.
const ORDERS: usize = 64;

/// Pause after a failed accept: without file descriptors the next one would fail at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The way that bytes take through a [`FaultProxy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connected to the proxy.
    ToTarget,
    /// Back to who connected to the proxy.
    ToClient,
}

/// A proxy in a thread of its own, so that a test that blocks does not stop it.
///
/// A fault holds for every connection that was made before it was switched on, and for every new one.
/// It holds when the call returns. Dropping the proxy closes its port and its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    orders: mpsc::Sender<Order>,
    record: Record,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told. Each caller learns the number of connections when it is done.
enum Order {
    Change(Change, SyncSender<usize>),
    Lead(SocketAddr, SyncSender<usize>),
    End,
}

type Change = Box<dyn FnOnce(&mut Faults) + Send>;

impl FaultProxy {
    /// A proxy without faults on a free loopback port. A client whose connection cannot be passed
    /// on to `target` is reset.
    pub fn to(target: SocketAddr) -> Self {
        Self::start(target, Record::none())
    }

    /// The same, keeping what clients send: see [`FaultProxy::sent`].
    pub fn recording(target: SocketAddr) -> Self {
        Self::start(target, Record::empty())
    }

    fn start(target: SocketAddr, record: Record) -> Self {
        Self::launch(target, record)
            .unwrap_or_else(|error| panic!("the proxy did not start: {error}"))
    }

    fn launch(target: SocketAddr, record: Record) -> io::Result<Self> {
        let entrance = net::TcpListener::bind(("127.0.0.1", 0))?;
        entrance.set_nonblocking(true)?;
        let address = entrance.local_addr()?;
        let (orders, inbox) = mpsc::channel(ORDERS);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let relay = Relay::new(target, entrance, record.clone());
        let thread = thread::Builder::new().name("fault-proxy".to_owned()).spawn(move || {
            runtime.block_on(relay.serve(inbox)).expect("the proxy listens");
        })?;
        Ok(Self { address, orders, record, thread: Some(thread) })
    }

    /// Where to connect instead of to the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delivers each byte, and the end of each stream, this much later; in each direction.
    pub fn delay(&self, delay: Duration) {
        self.change(move |faults| faults.delay = delay);
    }

    /// Neither takes nor delivers a byte in one direction; the connections stay open.
    pub fn stall(&self, direction: Direction) {
        self.change(move |faults| faults.stall(direction));
    }

    /// Closes each connection once it has delivered exactly this many more bytes to its client.
    /// 0 closes those that are open at once.
    pub fn cut_after(&self, bytes: u64) {
        self.change(move |faults| faults.cut_after(bytes));
    }

    /// Resets every open connection, towards both ends. New ones are welcome.
    pub fn reset(&self) {
        self.change(|faults| faults.resets += 1);
    }

    /// Whether a new connection is reset as soon as it is made. Those that are open stay.
    pub fn refuse(&self, refuse: bool) {
        self.change(move |faults| faults.refuse = refuse);
    }

    /// Goes silent in both directions. Nobody is told: a new connection is made, but not passed on.
    pub fn cut(&self) {
        self.change(|faults| {
            faults.stall(Direction::ToTarget);
            faults.stall(Direction::ToClient);
        });
    }

    /// Ends all faults; connections that were stalled go on, and no byte of theirs is lost.
    pub fn heal(&self) {
        self.change(Faults::heal);
    }

    /// Passes new connections on to another target; those that are open stay.
    pub fn lead_to(&self, target: SocketAddr) {
        self.order(|done| Order::Lead(target, done));
    }

    /// What the client of each connection has sent so far, if that is recorded: in the order of the
    /// connections.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.record.all()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.change(|_| ())
    }

    fn change(&self, change: impl FnOnce(&mut Faults) + Send + 'static) -> usize {
        self.order(|done| Order::Change(Box::new(change), done))
    }

    fn order(&self, order: impl FnOnce(SyncSender<usize>) -> Order) -> usize {
        let (done, answer) = sync_channel(1);
        let ordered = self.orders.try_send(order(done));
        assert!(ordered.is_ok(), "the proxy has ended, or {ORDERS} threads use it at once");
        answer.recv().expect("the proxy answers")
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // Both fail only when the thread has already ended, and then it has said why.
        self.orders.try_send(Order::End).ok();
        self.thread.take().map(JoinHandle::join);
    }
}

/// The inside of the thread.
#[derive(Debug)]
struct Relay {
    target: SocketAddr,
    entrance: net::TcpListener,
    faults: watch::Sender<Faults>,
    record: Record,
    connections: TaskTracker,
}

impl Relay {
    fn new(target: SocketAddr, entrance: net::TcpListener, record: Record) -> Self {
        let faults = watch::Sender::new(Faults::default());
        Self { target, entrance, faults, record, connections: TaskTracker::new() }
    }

    /// Accepts and obeys until it is told to end; then all its connections go with the runtime.
    async fn serve(mut self, mut orders: mpsc::Receiver<Order>) -> io::Result<()> {
        let listener = TcpListener::from_std(self.entrance.try_clone()?)?;
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(Order::Change(change, done)) => self.obey(change, &done),
                    Some(Order::Lead(target, done)) => {
                        self.target = target;
                        self.obey(Box::new(|_| ()), &done);
                    }
                    Some(Order::End) | None => return Ok(()),
                },
                accepted = listener.accept() => match accepted {
                    Ok((client, _)) => self.admit(client),
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }

    fn obey(&self, change: Change, done: &SyncSender<usize>) {
        self.admit_waiting();
        self.faults.send_modify(change);
        // The caller waits, unless its test has just been torn down.
        done.send(self.connections.len()).ok();
    }

    /// Accepts what the kernel has already promised to clients: they are connected, and an order
    /// that is given now holds for them too.
    fn admit_waiting(&self) {
        while let Ok((client, _)) = self.entrance.accept() {
            let client = client.set_nonblocking(true).and_then(|()| TcpStream::from_std(client));
            client.map(|client| self.admit(client)).ok();
        }
    }

    fn admit(&self, client: TcpStream) {
        let faults = self.faults.subscribe();
        if faults.borrow().refuse {
            connection::abort(&client);
        } else {
            let connection = Connection::new(client, faults, self.record.page());
            self.connections.spawn(connection.carry(self.target));
        }
    }
}
