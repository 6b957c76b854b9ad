//! State channels: what vehicles' connections are like, and that their commands have moved; the latest wins.
//!
//! Refuses to keep a history: of each vehicle there is one piece of news, the newest.

use super::audience::{Audience, Staged};
use super::frame::text_frame;
use super::lock;
use super::rights;
use bytes::Bytes;
use model::Timestamp;
use model::id::{FleetId, VehicleId};
use model::vehicle::{Presence, Vehicle};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use store::{Store, StoreError};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// How long subscribers of a channel are left alone after they were told something.
const PAUSE: Duration = Duration::from_millis(500);

/// What can be subscribed to beside commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Channel {
    /// Every vehicle of a fleet.
    Fleet(FleetId),
    /// One vehicle.
    Vehicle(VehicleId),
}

/// Why a text names no channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("channel must be fleet:<id> or vehicle:<id>")]
pub(crate) struct NotAChannel;

impl FromStr for Channel {
    type Err = NotAChannel;

    fn from_str(text: &str) -> Result<Self, NotAChannel> {
        let (kind, id) = text.split_once(':').ok_or(NotAChannel)?;
        match kind {
            "fleet" => id.parse().map(Self::Fleet).map_err(|_| NotAChannel),
            "vehicle" => id.parse().map(Self::Vehicle).map_err(|_| NotAChannel),
            _ => Err(NotAChannel),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet(id) => write!(f, "fleet:{id}"),
            Self::Vehicle(id) => write!(f, "vehicle:{id}"),
        }
    }
}

/// News of one vehicle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct News {
    pub(crate) fleet_id: FleetId,
    pub(crate) presence: Presence,
}

/// How new a piece of news is: of two, the larger is the newer.
type Age = (i64, Option<Timestamp>);

impl News {
    /// What is known of a vehicle now.
    pub(crate) fn of(vehicle: &Vehicle) -> Self {
        let presence = Presence {
            vehicle_id: vehicle.vehicle_id,
            connection_status: vehicle.connection_status,
            last_seen_at: vehicle.last_seen_at,
            revision: vehicle.revision,
        };
        Self { fleet_id: vehicle.fleet_id, presence }
    }

    fn age(&self) -> Age {
        (self.presence.revision, self.presence.last_seen_at)
    }

    /// The frame that subscribers get.
    fn frame(&self) -> Bytes {
        #[derive(Serialize)]
        struct VehicleStatus<'a> {
            event: &'static str,
            #[serde(flatten)]
            presence: &'a Presence,
        }
        let event = VehicleStatus { event: "vehicle_status", presence: &self.presence };
        // Ids, a word, a time and a number: encoding them cannot fail.
        text_frame(&serde_json::to_string(&event).unwrap_or_default())
    }
}

/// The frame that tells that commands of a vehicle were submitted, or are in another state.
fn runs_frame(vehicle_id: VehicleId) -> Bytes {
    text_frame(&json!({ "event": "vehicle_runs", "vehicle_id": vehicle_id }).to_string())
}

/// A channel that somebody is subscribed to.
pub(crate) struct Board {
    channel: Channel,
    latest: Mutex<Latest>,
    audience: Audience,
    /// Set once the state of before has been read.
    is_filled: OnceCell<()>,
    pace: Mutex<Pace>,
}

impl Staged for Board {
    fn audience(&self) -> &Audience {
        &self.audience
    }
}

/// The newest of each vehicle, in the order in which it came.
#[derive(Default)]
struct Latest {
    count: u64,
    of_vehicle: HashMap<VehicleId, (u64, Age)>,
    /// When its commands moved last.
    moved: HashMap<VehicleId, u64>,
    by_number: BTreeMap<u64, Notice>,
}

/// A piece of news as it goes out.
#[derive(Clone)]
pub(crate) struct Notice {
    /// Where it stands in its channel: a cursor goes on after it.
    pub(crate) number: u64,
    pub(crate) vehicle_id: VehicleId,
    /// Who sees the vehicle sees the news.
    pub(crate) fleet_id: FleetId,
    pub(crate) wire: Bytes,
    /// Whether clients without `fleetwire.v1` are told too.
    pub(crate) is_for_all: bool,
}

#[derive(Default)]
struct Pace {
    told_at: Option<Instant>,
    is_late: bool,
}

impl Latest {
    /// Takes note; `false` = it is old.
    fn learn(&mut self, news: &News) -> bool {
        let vehicle_id = news.presence.vehicle_id;
        let known = self.of_vehicle.get(&vehicle_id).copied();
        if known.is_some_and(|(_, age)| age >= news.age()) {
            return false;
        }
        if let Some((number, _)) = known {
            self.by_number.remove(&number);
        }
        let number = self.add(vehicle_id, news.fleet_id, (news.frame(), true));
        self.of_vehicle.insert(vehicle_id, (number, news.age()));
        true
    }

    /// Takes note that commands have moved; `false` = the vehicle is not of this channel.
    fn move_on(&mut self, vehicle_id: VehicleId) -> bool {
        let known = self.of_vehicle.get(&vehicle_id);
        let Some(presence) = known.and_then(|(number, _)| self.by_number.get(number)) else {
            return false;
        };
        let fleet_id = presence.fleet_id;
        let number = self.add(vehicle_id, fleet_id, (runs_frame(vehicle_id), false));
        if let Some(before) = self.moved.insert(vehicle_id, number) {
            self.by_number.remove(&before);
        }
        true
    }

    fn add(
        &mut self,
        vehicle_id: VehicleId,
        fleet_id: FleetId,
        (wire, is_for_all): (Bytes, bool),
    ) -> u64 {
        self.count += 1;
        let notice = Notice { number: self.count, vehicle_id, fleet_id, wire, is_for_all };
        self.by_number.insert(self.count, notice);
        self.count
    }

    fn retain(&mut self, is_wanted: impl Fn(&Notice) -> bool) {
        self.by_number.retain(|_, notice| is_wanted(notice));
        let Self { of_vehicle, moved, by_number, .. } = self;
        of_vehicle.retain(|_, (number, _)| by_number.contains_key(number));
        moved.retain(|_, number| by_number.contains_key(number));
    }
}

impl Board {
    fn new(channel: Channel) -> Self {
        Self {
            channel,
            latest: Mutex::default(),
            audience: Audience::default(),
            is_filled: OnceCell::new(),
            pace: Mutex::default(),
        }
    }

    /// The channel.
    pub(crate) fn channel(&self) -> Channel {
        self.channel
    }

    /// At most so many pieces of news after a number, 0 = from the first, in order.
    pub(crate) fn after(&self, number: u64, count: usize) -> Vec<Notice> {
        let latest = lock(&self.latest);
        latest
            .by_number
            .range(number.saturating_add(1)..)
            .take(count)
            .map(|it| it.1.clone())
            .collect()
    }

    fn learn(&self, news: &News) {
        if lock(&self.latest).learn(news) {
            self.tell();
        }
    }

    fn move_on(&self, vehicles: &[VehicleId]) {
        let mut latest = lock(&self.latest);
        let moved = vehicles.iter().filter(|it| latest.move_on(**it)).count();
        drop(latest);
        if moved > 0 {
            self.tell();
        }
    }

    /// Tells now, or soon, if subscribers have just been told something.
    fn tell(&self) {
        if lock(&self.pace).is_due() {
            self.audience.wake();
        }
    }

    /// Tells what had to wait.
    fn catch_up(&self) {
        let mut pace = lock(&self.pace);
        if pace.is_late && pace.is_due() {
            drop(pace);
            self.audience.wake();
        }
    }
}

impl Pace {
    /// Whether subscribers may be told now; if not, they will be.
    fn is_due(&mut self) -> bool {
        let is_due = self.told_at.is_none_or(|at| at.elapsed() >= PAUSE);
        if is_due {
            self.told_at = Some(Instant::now());
        }
        self.is_late = !is_due;
        is_due
    }
}

/// All state channels of a node; cheap to clone.
#[derive(Clone)]
pub(crate) struct Channels {
    store: Store,
    boards: Arc<Mutex<Boards>>,
}

/// The channels that somebody is subscribed to.
#[derive(Default)]
struct Boards(HashMap<Channel, Weak<Board>>);

impl Boards {
    fn find(&self, channel: Channel) -> Option<Arc<Board>> {
        self.0.get(&channel).and_then(Weak::upgrade)
    }

    fn find_or_make(&mut self, channel: Channel) -> Arc<Board> {
        if let Some(board) = self.find(channel) {
            return board;
        }
        // Those that everybody has left are cleared away when one is opened.
        self.0.retain(|_, board| board.strong_count() > 0);
        let board = Arc::new(Board::new(channel));
        self.0.insert(channel, Arc::downgrade(&board));
        board
    }
}

impl Channels {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, boards: Arc::default() }
    }

    /// A channel with all that is known on it. It lives as long as somebody holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for any read.
    pub(crate) async fn open(&self, channel: Channel) -> Result<Arc<Board>, StoreError> {
        // Listen first, look later: of what comes in between the newer wins.
        let board = lock(&self.boards).find_or_make(channel);
        let fill = || async {
            for news in rights::present(&self.store, channel).await? {
                board.learn(&news);
            }
            Ok::<(), StoreError>(())
        };
        board.is_filled.get_or_try_init(fill).await?;
        Ok(board)
    }

    /// Tells whoever listens, unless it is not newer than what they know. Never waits.
    pub(crate) fn publish(&self, news: &News) {
        let (vehicle, fleet) = (news.presence.vehicle_id, news.fleet_id);
        for channel in [Channel::Vehicle(vehicle), Channel::Fleet(fleet)] {
            let board = lock(&self.boards).find(channel);
            if let Some(board) = board {
                board.learn(news);
            }
        }
    }

    /// Tells whoever lists commands of these vehicles. Never waits.
    pub(crate) fn moved(&self, vehicles: &[VehicleId]) {
        for board in self.all() {
            board.move_on(vehicles);
        }
    }

    /// Forgets the vehicles that have left their fleet, or the registry.
    pub(crate) fn retain(&self, fleets: &HashMap<VehicleId, FleetId>) {
        for board in self.all() {
            let is_there =
                |notice: &Notice| fleets.get(&notice.vehicle_id) == Some(&notice.fleet_id);
            lock(&board.latest).retain(is_there);
        }
    }

    /// Tells, until `shutdown`, what had to wait because subscribers had just been told something.
    pub(crate) async fn keep_pace(self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(PAUSE);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
            self.all().iter().for_each(|board| board.catch_up());
        }
    }

    fn all(&self) -> Vec<Arc<Board>> {
        lock(&self.boards).0.values().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::vehicle::ConnectionStatus;

    fn news(vehicle_id: VehicleId, revision: i64) -> News {
        let connection_status = ConnectionStatus::Connected;
        let presence = Presence { vehicle_id, connection_status, last_seen_at: None, revision };
        News { fleet_id: FleetId::new(), presence }
    }

    #[test]
    fn of_each_vehicle_the_newest_is_told_and_only_once() {
        let board = Board::new(Channel::Fleet(FleetId::new()));
        let (one, other) = (VehicleId::new(), VehicleId::new());
        for news in [news(one, 1), news(other, 5), news(one, 2), news(one, 2), news(other, 4)] {
            board.learn(&news);
        }
        let told = board.after(0, 10);
        assert_eq!(told.iter().map(|it| it.vehicle_id).collect::<Vec<_>>(), [other, one]);
        assert!(board.after(told[1].number, 10).is_empty());
    }

    #[test]
    fn that_commands_have_moved_is_told_once_and_only_of_vehicles_that_are_there() {
        let board = Board::new(Channel::Fleet(FleetId::new()));
        let here = VehicleId::new();
        board.learn(&news(here, 1));
        for _ in 0..3 {
            board.move_on(&[VehicleId::new(), here]);
        }
        let told = board.after(0, 10);
        let told: Vec<_> = told.iter().map(|it| (it.vehicle_id, it.is_for_all)).collect();
        assert_eq!(told, [(here, true), (here, false)]);
    }

    #[test]
    fn whoever_was_just_told_something_waits() {
        let mut pace = Pace::default();
        assert!(pace.is_due() && !pace.is_due() && pace.is_late);
    }
}
