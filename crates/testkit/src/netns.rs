//! A network namespace with a link to the host, for partitions that the kernel makes.
//! It carries no route to anywhere else, and changes no rule of the host's own network.

use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use rustix::process::geteuid;

use crate::Skipped;
use crate::child::{self, is_installed, run, run_with_input};

/// What a machine must offer.
const NEEDS: &str =
    "root, and network namespaces with `ip` and `nft` (packages iproute2, nftables)";

/// Names of namespaces, and of the host's end of their link, start with this; then come the id of
/// the test process and a number.
const NAME_PREFIX: &str = "fleetwire-";

/// The same for the host's end of the link, whose name may have 15 characters.
const LINK_PREFIX: &str = "fw";

/// Addresses for tests between networks (RFC 2544): nobody's own network has them.
const NETWORKS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);

/// Networks of four addresses that fit in there.
const NETWORK_COUNT: u32 = 1 << 15;

/// Takes the rules away, whether or not there are any.
const HEAL: &str = "add table inet fleetwire\ndelete table inet fleetwire\n";

/// A network namespace with one link to the host. Removed when dropped; one whose test process was
/// killed is removed by the next [`Netns::create`].
///
/// Stop what runs inside before.
#[derive(Debug)]
pub struct Netns {
    name: String,
    link: String,
    host: Ipv4Addr,
    inside: Ipv4Addr,
}

impl Netns {
    /// Creates a namespace whose link works.
    ///
    /// # Errors
    ///
    /// [`Skipped`] where the machine or the user may not do it.
    pub fn create() -> Result<Self, Skipped> {
        let skipped = |cause: &str| Skipped::new(NEEDS, cause);
        if !geteuid().is_root() {
            return Err(skipped("not root"));
        }
        if let Some(program) = ["ip", "nft"].into_iter().find(|program| !is_installed(program)) {
            return Err(skipped(&format!("no `{program}` on the search path")));
        }
        remove_abandoned();
        let netns = Self::unborn();
        netns.connect().map_err(|error| skipped(&format!("{error:#}")))?;
        Ok(netns)
    }

    /// Names and addresses that nothing else has.
    fn unborn() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let network = free_network();
        Self {
            name: format!("{NAME_PREFIX}{process}-{number}"),
            link: format!("{LINK_PREFIX}{process}-{number}"),
            host: Ipv4Addr::from_bits(network + 1),
            inside: Ipv4Addr::from_bits(network + 2),
        }
    }

    fn connect(&self) -> anyhow::Result<()> {
        let Self { name, link, host, inside } = self;
        for order in [
            format!("netns add {name}"),
            format!("link add {link} type veth peer name outside netns {name}"),
            format!("addr add {host}/30 dev {link}"),
            format!("link set {link} up"),
            format!("-n {name} addr add {inside}/30 dev outside"),
            format!("-n {name} link set outside up"),
            format!("-n {name} link set lo up"),
        ] {
            ip(&order)?;
        }
        // A kernel that does not know one of the rules says so here, not amid a test.
        self.apply(&reset_rules())?;
        self.apply(&drop_rules())?;
        self.apply(HEAL)
    }

    /// The host's address, as a program inside must call it.
    pub fn host_address(&self) -> Ipv4Addr {
        self.host
    }

    /// The address of a program inside.
    pub fn inside_address(&self) -> Ipv4Addr {
        self.inside
    }

    /// A command that runs `program` inside, and that the kernel kills when the test process ends.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = child::command("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Lets every packet of the link vanish, in both directions.
    pub fn drop_traffic(&self) {
        self.apply(&drop_rules()).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Answers every TCP packet of the link with a reset, to whoever sent it.
    pub fn reset_traffic(&self) {
        self.apply(&reset_rules()).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Lets everything through again.
    pub fn heal(&self) {
        self.apply(HEAL).unwrap_or_else(|error| panic!("{error:#}"));
    }

    fn apply(&self, rules: &str) -> anyhow::Result<()> {
        let mut nft = Command::new("ip");
        nft.args(["netns", "exec", &self.name, "nft", "-f", "-"]);
        run_with_input(nft, rules.as_bytes()).map(drop).context("nft refuses the rules")
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        // Both fail when it never came to life.
        ip(&format!("link del {}", self.link)).ok();
        ip(&format!("netns del {}", self.name)).ok();
    }
}

fn drop_rules() -> String {
    rules("drop")
}

/// The resets themselves must get through.
fn reset_rules() -> String {
    rules("tcp flags & rst == 0 reject with tcp reset")
}

/// One rule for both directions, loopback apart, in the place of what held before.
fn rules(rule: &str) -> String {
    format!(
        "{HEAL}table inet fleetwire {{
            chain in {{ type filter hook input priority 0; iifname outside {rule}; }}
            chain out {{ type filter hook output priority 0; oifname outside {rule}; }}
        }}\n"
    )
}

/// Runs `ip` with the words of `order`.
fn ip(order: &str) -> anyhow::Result<String> {
    let mut ip = Command::new("ip");
    ip.args(order.split(' '));
    run(ip)
}

/// The first address of four that no interface of the host has.
fn free_network() -> u32 {
    let used = ip("-4 -oneline addr show").unwrap_or_default();
    let first = |number: u32| NETWORKS.to_bits() + (number % NETWORK_COUNT) * 4;
    let is_free =
        |network: &u32| !used.contains(&format!(" {}/", Ipv4Addr::from_bits(network + 1)));
    // From a random one on: another test may look at the same moment.
    let random = RandomState::new().hash_one(0) % u64::from(NETWORK_COUNT);
    let start = u32::try_from(random).unwrap_or_default();
    (start..start + NETWORK_COUNT).map(first).find(is_free).unwrap_or_else(|| first(start))
}

/// Removes the namespaces of test processes that were killed.
fn remove_abandoned() {
    let listed = ip("netns list").unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    for name in names.filter(|name| is_abandoned(name)) {
        // Fails where two tests clean at once.
        ip(&format!("netns del {name}")).ok();
    }
}

fn is_abandoned(name: &str) -> bool {
    let rest = name.strip_prefix(NAME_PREFIX).and_then(|rest| rest.split_once('-'));
    let owner = rest.and_then(|(process, _)| process.parse::<u32>().ok());
    owner.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
}
