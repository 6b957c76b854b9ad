//! A connector, one simulated vehicle, and orders for it.
//! Asserts nothing but that the bench itself works.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fleetwire_connect::{Address, End, Order, Part, SendBy, Sovd, SovdConfig};
use model::command::Refusal;
use model::id::CommandId;
use serde_json::{Value, json};
use simulator::{Dialect, Fleet};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longer than anything takes that is not broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Whose orders they are, if a test does not say.
const USER: &str = "0190f3c4-0000-7000-8000-000000000001";

/// How this user is called at vehicles.
pub(crate) fn holder() -> String {
    format!("fleetwire.{USER}")
}

/// A connector and a vehicle that answers without delay.
pub(crate) struct Bench {
    pub(crate) sovd: Sovd,
    pub(crate) address: Address,
    fleet: Fleet,
    control: reqwest::Client,
    _shutdown: DropGuard,
}

/// All that came of an order.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) command_id: CommandId,
    pub(crate) parts: Vec<Part>,
    pub(crate) end: End,
}

/// How often the vehicle was asked in the name of one command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) executions: u64,
    pub(crate) reads: u64,
}

impl Bench {
    pub(crate) async fn open() -> Self {
        Self::with(simulator::fleet(1)).await
    }

    /// A bench whose vehicle has all that SOVD knows, and changes nothing for who holds no lock.
    pub(crate) async fn strict() -> Self {
        let mut vehicles = simulator::full_fleet(1);
        vehicles[0].needs_lock = true;
        Self::with(vehicles).await
    }

    /// A bench whose vehicle has all that there is: computers, bulk data, updates.
    pub(crate) async fn full() -> Self {
        Self::with(simulator::full_fleet(1)).await
    }

    /// A bench whose vehicle has all that there is, and speaks a dialect.
    pub(crate) async fn speaking(dialect: Dialect) -> Self {
        Self::with(vec![simulator::full_fleet(1).remove(0).speaking(dialect)]).await
    }

    async fn with(vehicles: Vec<simulator::Vehicle>) -> Self {
        let shutdown = CancellationToken::new();
        let fleet = Fleet::start(vehicles, 0, shutdown.clone()).await.unwrap();
        let bench = Self {
            sovd: connector(1 << 20),
            address: address(&fleet.vehicles()[0].base_url),
            fleet,
            control: reqwest::Client::builder().no_proxy().build().unwrap(),
            _shutdown: shutdown.drop_guard(),
        };
        bench.set(json!({"delay_ms": 0})).await;
        bench
    }

    /// A bench whose vehicle is set, with no delay unless the setting has one.
    pub(crate) async fn set_to(mut setting: Value) -> Self {
        let bench = Self::open().await;
        let fields = setting.as_object_mut().unwrap();
        fields.entry("delay_ms").or_insert(json!(0));
        bench.set(setting).await;
        bench
    }

    pub(crate) async fn set(&self, setting: Value) {
        let url = self.control_url("");
        let answer = self.control.put(url).json(&setting).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// The counts of every command that reached the vehicle.
    pub(crate) async fn all_counts(&self) -> BTreeMap<String, Value> {
        let answer = self.control.get(self.control_url("/executions")).send().await.unwrap();
        answer.json().await.unwrap()
    }

    pub(crate) async fn counts(&self, outcome: &Outcome) -> Counts {
        let all = self.all_counts().await;
        let counted = all.get(&outcome.command_id.to_string());
        let number = |name: &str| counted.map_or(0, |counts| counts[name].as_u64().unwrap());
        Counts { executions: number("executions"), reads: number("reads") }
    }

    /// Waits until a command has changed something at the vehicle.
    pub(crate) async fn executed(&self, command_id: CommandId) {
        let counted = async {
            loop {
                let all = self.all_counts().await;
                let counts = all.get(&command_id.to_string());
                if counts.is_some_and(|counts| counts["executions"].as_u64() > Some(0)) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.unwrap();
    }

    /// The raw answer of the vehicle to a request that no command causes.
    pub(crate) async fn ask(&self, path: &str) -> Value {
        let url = format!("{}/{path}", self.address.sovd_url);
        self.control.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// The same in the name of another client, with a body.
    pub(crate) async fn post_as(&self, client: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/{path}", self.address.sovd_url);
        let request = self.control.post(url).header("x-client-id", client).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(crate) fn vin(&self) -> &str {
        &self.fleet.vehicles()[0].vin
    }

    pub(crate) fn order(&self, name: &str, params: Value) -> Order {
        order(&self.address, name, params)
    }

    /// Carries an order out to its end.
    pub(crate) async fn run(&self, name: &str, params: Value) -> Outcome {
        run(&self.sovd, self.order(name, params)).await
    }

    fn control_url(&self, path: &str) -> String {
        format!("{}/control/vehicles/{}{path}", self.fleet.control_url(), self.vin())
    }
}

impl Outcome {
    /// The payloads in the order of their arrival.
    pub(crate) fn payloads(&self) -> Vec<Value> {
        self.parts.iter().map(|part| serde_json::from_str(part.payload.get()).unwrap()).collect()
    }

    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.parts.iter().map(|part| part.part).collect()
    }

    /// The payload of the only part, which is final.
    pub(crate) fn only(&self) -> Value {
        assert_eq!(self.end, End::Answered);
        assert!(
            matches!(self.parts.as_slice(), [Part { part: 1, is_final: true, .. }]),
            "{self:?}"
        );
        self.payloads().remove(0)
    }

    /// The words of a refusal, which must be of this kind.
    pub(crate) fn refused(&self, kind: Refusal) -> &str {
        let End::Refused(refusal, words) = &self.end else { panic!("no refusal: {self:?}") };
        assert_eq!(*refusal, kind, "{words}");
        words
    }

    /// The words of the vehicle's failure.
    pub(crate) fn vehicle_error(&self) -> &str {
        let End::VehicleError(words) = &self.end else { panic!("no vehicle error: {self:?}") };
        words
    }
}

pub(crate) fn connector(max_part_bytes: usize) -> Sovd {
    connector_with(max_part_bytes, true)
}

pub(crate) fn connector_with(max_part_bytes: usize, allow_loopback: bool) -> Sovd {
    let connect_timeout = Duration::from_secs(2);
    Sovd::new(SovdConfig { connect_timeout, max_part_bytes, allow_loopback }).unwrap()
}

pub(crate) fn address(sovd_url: &str) -> Address {
    Address::new(sovd_url, &serde_json::Map::new())
}

pub(crate) fn order(vehicle: &Address, name: &str, params: Value) -> Order {
    let submitted = json!({"command_name": name, "command_params": params});
    Order {
        command_id: CommandId::new(),
        user_id: USER.parse().unwrap(),
        may_actuate: true,
        question: serde_json::from_value(submitted).unwrap(),
        needs: Vec::new(),
        vehicle: vehicle.clone(),
        traceparent: None,
        send_by: SendBy::new(Instant::now() + Duration::from_hours(1)),
    }
}

pub(crate) async fn run(sovd: &Sovd, order: Order) -> Outcome {
    run_until(sovd, order, CancellationToken::new()).await
}

pub(crate) async fn run_until(sovd: &Sovd, order: Order, stop: CancellationToken) -> Outcome {
    run_within(PATIENCE, sovd, order, stop).await
}

pub(crate) async fn run_within(
    patience: Duration,
    sovd: &Sovd,
    order: Order,
    stop: CancellationToken,
) -> Outcome {
    let command_id = order.command_id;
    let (sender, mut receiver) = mpsc::channel(4);
    let collect = async {
        let mut parts = Vec::new();
        while let Some(part) = receiver.recv().await {
            parts.push(part);
        }
        parts
    };
    let both = async { tokio::join!(sovd.execute(order, sender, stop), collect) };
    let (end, parts) = tokio::time::timeout(patience, both).await.expect("it never ended");
    Outcome { command_id, parts, end }
}
