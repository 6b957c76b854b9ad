//! A fleet at work: starts every vehicle and the control server, and waits for their end.
//!
//! Stops nothing by itself: that is for the token it was started with.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::behaviour::Stage;
use crate::dialect::{Dialect, Interpreter, interpret};
use crate::fleet::Vehicle;
use crate::serve::{self, Door};
use crate::setting::Setting;
use crate::vehicle::Simulated;
use crate::{behaviour, control, injection, sovd};

/// Orders that may wait for one vehicle.
const MAX_ORDERS: usize = 16;

/// Simulated vehicles and their control server, running.
#[derive(Debug)]
pub struct Fleet {
    control_url: String,
    vehicles: Vec<Running>,
    tasks: TaskTracker,
}

/// A vehicle of a running fleet.
#[derive(Debug, Clone)]
pub struct Running {
    /// Vehicle identification number.
    pub vin: String,
    /// Who built it.
    pub make: String,
    /// What it is sold as.
    pub model: String,
    /// Model year.
    pub year: u16,
    /// Root of its SOVD resources; stays the same when it goes off line and comes back.
    pub base_url: String,
    /// How it speaks SOVD.
    pub dialect: Dialect,
    /// Was started with nothing listening at its address.
    pub offline: bool,
}

/// Why a fleet did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port of the control server is taken, or not allowed.
    #[error("cannot listen on control port {port}; choose another one, or 0 for any")]
    Control {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// There is no port left for a vehicle.
    #[error("cannot listen for vehicle {vin}")]
    Vehicle {
        /// The vehicle that has no address.
        vin: String,
        /// What the system said.
        source: io::Error,
    },
    /// Two vehicles cannot be told apart.
    #[error("two vehicles have the VIN {0}")]
    SameVin(String),
}

/// A new setting for a vehicle, and where to report that it is in force.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) setting: Setting,
    pub(crate) done: oneshot::Sender<io::Result<()>>,
}

/// The way to a vehicle that the control server has.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) vehicle: Arc<Simulated>,
    pub(crate) base_url: String,
    pub(crate) orders: mpsc::Sender<Order>,
}

/// A vehicle that has an address, and does not run yet.
struct Parked {
    vehicle: Arc<Simulated>,
    port: u16,
    /// Holds the port, for offline vehicles as well, until all of them have theirs.
    listener: TcpListener,
}

impl Fleet {
    /// Starts the vehicles, each on a port of its own, and the control server; 0 is any port.
    ///
    /// # Errors
    ///
    /// [`StartError`] if an address is not to be had or two VINs are the same; then nothing runs.
    pub async fn start(
        vehicles: Vec<Vehicle>,
        control_port: u16,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        let taken = |source| StartError::Control { port: control_port, source };
        let control = serve::bind(control_port).await.map_err(taken)?;
        let control_url = format!("http://{}", control.local_addr().map_err(taken)?);
        let parked = park(vehicles).await?;

        let tasks = TaskTracker::new();
        let vehicles = parked.iter().map(Parked::running).collect();
        let drive = |parked: Parked| parked.drive(&tasks, &shutdown);
        let remotes: BTreeMap<String, Remote> = parked.into_iter().map(drive).collect();
        Door::open(control, control::routes(remotes), &tasks, &shutdown);
        tasks.close();
        Ok(Self { control_url, vehicles, tasks })
    }

    /// Address of the control server, `http://127.0.0.1:PORT`.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Every vehicle, in the order in which they were given.
    pub fn vehicles(&self) -> &[Running] {
        &self.vehicles
    }

    /// Returns when everything has ended, once the token is cancelled.
    pub async fn stopped(self) {
        self.tasks.wait().await;
    }
}

/// Gives every vehicle its address.
async fn park(vehicles: Vec<Vehicle>) -> Result<Vec<Parked>, StartError> {
    let mut vins = BTreeSet::new();
    let mut parked = Vec::with_capacity(vehicles.len());
    for vehicle in vehicles {
        let vin = vehicle.vin.clone();
        if !vins.insert(vin.clone()) {
            return Err(StartError::SameVin(vin));
        }
        let placed = Parked::new(vehicle).await;
        parked.push(placed.map_err(|source| StartError::Vehicle { vin, source })?);
    }
    Ok(parked)
}

impl Parked {
    async fn new(vehicle: Vehicle) -> io::Result<Self> {
        let listener = serve::bind(0).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { vehicle: Arc::new(Simulated::new(vehicle)), port, listener })
    }

    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.vehicle.plan.dialect.base())
    }

    fn running(&self) -> Running {
        let Vehicle { vin, make, model, year, offline, dialect, .. } = self.vehicle.plan.clone();
        Running { vin, make, model, year, base_url: self.base_url(), dialect, offline }
    }

    fn drive(self, tasks: &TaskTracker, shutdown: &CancellationToken) -> (String, Remote) {
        let (orders, inbox) = mpsc::channel(MAX_ORDERS);
        let remote =
            Remote { vehicle: Arc::clone(&self.vehicle), base_url: self.base_url(), orders };
        let stage = Stage {
            vehicle: Arc::clone(&self.vehicle),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        let routes = routes(&stage);
        let listener = (!self.vehicle.plan.offline).then_some(self.listener);
        let door = listener.map(|it| Door::open(it, routes.clone(), tasks, shutdown));
        let owner = Owner { stage, routes, port: self.port, door };
        tasks.spawn(owner.attend(inbox));
        (self.vehicle.plan.vin.clone(), remote)
    }
}

/// From the wire to the resources: the link's faults, the setting, the dialect, the standard.
fn routes(stage: &Stage) -> Router {
    let standard = Router::new()
        .fallback_service(sovd::routes(Arc::clone(&stage.vehicle)))
        .layer(from_fn_with_state(stage.clone(), injection::hide));
    let interpreter = Interpreter::new(stage.vehicle.plan.dialect, standard);
    Router::new()
        .fallback(interpret)
        .with_state(Arc::new(interpreter))
        .layer(from_fn_with_state(stage.clone(), behaviour::act))
        .layer(from_fn_with_state(stage.clone(), injection::meet))
}

/// The one task that opens and closes the door of a vehicle, so that orders come one by one.
struct Owner {
    stage: Stage,
    routes: Router,
    port: u16,
    door: Option<Door>,
}

impl Owner {
    async fn attend(mut self, mut orders: mpsc::Receiver<Order>) {
        let shutdown = self.stage.shutdown.clone();
        while let Some(order) = shutdown.run_until_cancelled(orders.recv()).await.flatten() {
            let result = self.obey(order.setting).await;
            if order.done.send(result).is_err() {
                tracing::debug!("whoever gave the order has left");
            }
        }
    }

    /// A vehicle that gets no listener keeps its old setting.
    async fn obey(&mut self, setting: Setting) -> io::Result<()> {
        let reachable = setting.is_reachable();
        let listener = if reachable && self.door.is_none() {
            Some(serve::bind_again(self.port).await?)
        } else {
            None
        };
        self.stage.vehicle.set(setting);
        if let Some(listener) = listener {
            self.door = Some(self.opened(listener));
        }
        if !reachable && let Some(door) = self.door.take() {
            door.close().await;
        }
        Ok(())
    }

    fn opened(&self, listener: TcpListener) -> Door {
        let Stage { tasks, shutdown, .. } = &self.stage;
        Door::open(listener, self.routes.clone(), tasks, shutdown)
    }
}
