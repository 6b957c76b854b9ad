//! The package `ws` on Node, with a server of a few lines around it.
//!
//! Refuses to install anything: who lacks it is told so.

use super::{Ground, Running, Shape, place, printed, program, raw};
use crate::cpu::on_core;
use crate::event;
use serde_json::Value;
use std::fs;
use std::process::Command;

const SERVER: &str = include_str!("../../peers/ws-server.cjs");

/// The versions of both; `None` if one is missing.
pub(super) fn version(ground: &Ground) -> Option<String> {
    let package = fs::read(ground.peers.join("node_modules/ws/package.json")).ok()?;
    let package: Value = serde_json::from_slice(&package).ok()?;
    let node = printed(Command::new("node").arg("--version"))?;
    Some(format!("{} on Node {node}", package["version"].as_str()?))
}

/// Starts it.
pub(super) fn start(ground: &Ground, shape: Shape) -> Running {
    let place = place();
    let script = place.path().join("ws-server.cjs");
    fs::write(&script, SERVER).expect("a file can be written");
    let mut command = program("node");
    command.arg(script).arg(event::payload(shape.event_bytes));
    command.env("NODE_PATH", ground.peers.join("node_modules"));
    raw::start(on_core(ground.core, command), shape, place)
}
