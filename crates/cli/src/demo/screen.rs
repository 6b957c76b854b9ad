//! What the demo tells when it is ready: a screen for people, a line for scripts.
//!
//! Refuses to print commands that need more than a shell with curl and sed.

use model::id::VehicleId;
use model::vehicle::{ConnectionStatus, Vehicle};
use model::vin::Vin;
use serde::Serialize;
use std::path::Path;

/// A demo that is ready.
pub(super) struct Ready<'a> {
    pub(super) url: String,
    pub(super) username: &'a str,
    pub(super) password: &'a str,
    pub(super) simulator_url: &'a str,
    pub(super) vehicles: &'a [Vehicle],
}

#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    username: &'a str,
    password: &'a str,
    simulator_url: &'a str,
    vehicles: Vec<VehicleLine<'a>>,
}

#[derive(Serialize)]
struct VehicleLine<'a> {
    vehicle_id: VehicleId,
    vin: &'a Vin,
    connection_status: ConnectionStatus,
}

impl Ready<'_> {
    /// The line for scripts.
    pub(super) fn line(&self) -> Result<String, serde_json::Error> {
        let vehicles = self.vehicles.iter().map(|it| VehicleLine {
            vehicle_id: it.vehicle_id,
            vin: &it.vin,
            connection_status: it.connection_status,
        });
        let line = Line {
            url: &self.url,
            username: self.username,
            password: self.password,
            simulator_url: self.simulator_url,
            vehicles: vehicles.collect(),
        };
        Ok(serde_json::to_string(&line)? + "\n")
    }

    /// The screen for people; `kept` is the directory that stays, `None` if nothing does.
    pub(super) fn screen(&self, kept: Option<&Path>) -> String {
        let Self { url, username, password, simulator_url, .. } = self;
        let data = kept.map_or_else(
            || "as long as the demo runs".to_owned(),
            |path| format!("kept in {}", path.display()),
        );
        format!(
            "Fleetwire is ready. Its console: {url}\n\n  \
             login      {username}\n  password   {password}\n  data       {data}\n  \
             interface  {url}/docs\n  \
             vehicles   simulated, control API at {simulator_url}\n\n{}\n{}\nCtrl-C ends the demo.\n",
            self.table(),
            self.commands(),
        )
    }

    fn table(&self) -> String {
        let head = format!("  {:17}  {:12}  VEHICLE\n", "VIN", "STATUS");
        let row = |Vehicle { vin, connection_status, model, .. }: &Vehicle| {
            let year = model.year.map(|year| format!(" ({year})")).unwrap_or_default();
            let (vin, status) = (vin.as_str(), connection_status.word());
            format!("  {vin:17}  {status:12}  {} {}{year}\n", model.make, model.model)
        };
        head + &self.vehicles.iter().map(row).collect::<String>()
    }

    /// Three commands, each on one line, for bash and zsh.
    fn commands(&self) -> String {
        let Self { url, username, password, .. } = self;
        let is_online =
            |vehicle: &&Vehicle| vehicle.connection_status == ConnectionStatus::Connected;
        let vehicle = self.vehicles.iter().find(is_online).or_else(|| self.vehicles.first());
        let vehicle_id = vehicle.map(|it| it.vehicle_id.to_string()).unwrap_or_default();
        let login = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
        let order = format!(
            r#"{{"vehicle_id":"{vehicle_id}","command_name":"ReadDTC","command_params":{{"ecuAddress":"0x10"}}}}"#
        );
        let json = "-H 'content-type: application/json'";
        let bearer = r#"-H "authorization: Bearer $TOKEN""#;
        format!(
            "Log in:\n\nTOKEN=$(curl -s {url}/api/v1/auth/login {json} -d '{login}' | {})\n\n\
             Ask the engine of the first vehicle for its faults:\n\n\
             COMMAND=$(curl -s {url}/api/v1/commands {bearer} {json} -d '{order}' | {})\n\n\
             Watch the answers come in:\n\n\
             curl -sN {url}/api/v1/commands/$COMMAND/events {bearer} -H 'accept: text/event-stream'\n",
            member("access_token"),
            member("command_id"),
        )
    }
}

/// The part of a pipe that takes a text member out of JSON.
fn member(name: &str) -> String {
    format!(r#"sed 's/.*"{name}": *"\([^"]*\)".*/\1/'"#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    const READY: Ready<'_> = Ready {
        url: String::new(),
        username: "demo",
        password: "secret",
        simulator_url: "http://127.0.0.1:2",
        vehicles: &[],
    };

    /// Standard output of a shell script.
    fn shell(script: &str) -> String {
        let output =
            Command::new("sh").args(["-c", script]).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn sed_finds_the_member() {
        let body = r#"{"access_token":"abc.d-_e","refresh_token":"no"}"#;
        assert_eq!(
            shell(&format!("printf '%s' '{body}' | {}", member("access_token"))),
            "abc.d-_e"
        );
    }

    #[test]
    fn the_commands_are_sound_shell() {
        let ready = Ready { url: "http://localhost:1".into(), ..READY };
        let screen = ready.screen(None);
        let commands: Vec<_> = screen.lines().filter(|line| line.contains("curl -")).collect();
        assert_eq!(commands.len(), 3);
        // A curl that prints what it was asked for.
        let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}; TOKEN=t; {}", commands[2]);
        assert!(shell(&script).contains("authorization: Bearer t"));
        shell(&format!("curl() {{ :; }}; {}", commands.join("; ")));
    }

    #[test]
    fn the_line_is_one_line_of_json() {
        let line = READY.line().unwrap();
        assert_eq!(line.lines().count(), 1);
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["password"], "secret");
    }
}
