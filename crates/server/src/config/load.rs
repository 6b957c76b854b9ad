//! Where settings come from: flag before variable before file before default.
//!
//! Refuses to guess: what is not a known key with a right value is an error at once, so that each
//! error can name the one place that is to blame.

use super::{Config, ConfigError, Place};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Table, Value};

const DEFAULTS: &str = include_str!("../config.default.toml");

/// What begins the variables that are ours.
const PREFIX: &str = "FLEETWIRE_";
/// Variables of the command line's own, which are no settings.
const OTHER_VARIABLES: [&str; 5] = [
    "FLEETWIRE_CONFIG",
    "FLEETWIRE_SERVER",
    "FLEETWIRE_TOKEN",
    "FLEETWIRE_URL",
    "FLEETWIRE_VEHICLE",
];
/// The keys whose values nobody may see, and whose variables are also read without our prefix.
const SECRETS: [&str; 3] = ["database_url", "jwt_secret", "redis_url"];
/// The permission bit that lets everybody read a file.
const READABLE_BY_ALL: u32 = 0o004;

/// Everything that may hold settings.
#[derive(Default)]
pub struct Sources {
    /// The configuration file; `None` = there is none.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: Vec<(String, String)>,
    /// Settings of the command line; of two with the same key, the later one counts.
    pub flags: Vec<Flag>,
}

/// A setting of the command line.
#[derive(Clone)]
pub struct Flag {
    /// The key, such as `ws.idle_close`.
    pub key: String,
    /// The value as text; a list with commas.
    pub text: String,
}

/// The settings, and where each one comes from.
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What is worth telling the operator, each in a sentence.
    pub warnings: Vec<String>,
    layers: Layers,
}

struct Setting {
    value: Value,
    place: Place,
}

/// The newest value of each key.
#[derive(Default)]
struct Layers(BTreeMap<String, Setting>);

// Variables, flags and values may be secrets: none of these three shows what it holds.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flag").field("key", &self.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Reads the settings.
///
/// # Errors
///
/// [`ConfigError`] names the first thing that is wrong.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let file = match &sources.file {
        Some(path) => Some((path.as_path(), read(path)?)),
        None => None,
    };
    of(sources, file)
}

/// The settings of sources whose file has this text.
pub(super) fn of(sources: &Sources, file: Option<(&Path, String)>) -> Result<Loaded, ConfigError> {
    let mut layers = Layers::default();
    let mut warnings = Vec::new();
    for (key, _, value) in parse(DEFAULTS, Path::new("config.default.toml"))? {
        layers.0.insert(key, Setting { value, place: Place::Default });
    }
    if let Some((path, text)) = file {
        layers.read_file(path, &text)?;
    }
    layers.read_variables(&sources.variables, &mut warnings)?;
    for Flag { key, text } in &sources.flags {
        layers.put_text(key, text, Place::Flag)?;
    }
    let config = layers
        .config()
        .map_err(|fault| ConfigError::Syntax { place: Place::Default, fault: fault.to_string() })?;
    config.check_together()?;
    Ok(Loaded { config, warnings, layers })
}

impl Loaded {
    /// One line for each setting: `key = value  # from place`; secrets are not shown.
    pub fn print(&self) -> String {
        let mut settings: Vec<_> = self.layers.0.iter().collect();
        settings.sort_by_key(|(key, _)| (key.contains('.'), *key));
        let line = |(key, Setting { value, place }): (&String, &Setting)| {
            format!("{key} = {}  # from {place}\n", shown(key, value))
        };
        settings.into_iter().map(line).collect()
    }
}

impl Layers {
    fn read_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        for (key, line, value) in parse(text, path)? {
            self.put(&key, value, Place::File(path.into(), line))?;
        }
        Ok(())
    }

    fn read_variables(
        &mut self,
        variables: &[(String, String)],
        warnings: &mut Vec<String>,
    ) -> Result<(), ConfigError> {
        let mut known: Vec<String> = OTHER_VARIABLES.map(str::to_owned).to_vec();
        let keys: Vec<String> = self.0.keys().cloned().collect();
        for key in keys {
            let candidates = variables_of(&key);
            // An empty variable counts as unset: that is how a shell or a unit file takes it back.
            let given = candidates.iter().find_map(|variable| {
                let named =
                    |(name, text): &&(_, String)| *name == variable.name && !text.is_empty();
                variables.iter().find(named).map(|(_, text)| (variable, text))
            });
            if let Some((Variable { name, names_a_file }, text)) = given {
                let text = if *names_a_file { &read_secret(name, text, warnings)? } else { text };
                self.put_text(&key, text, Place::Variable(name.clone()))?;
            }
            known.extend(candidates.into_iter().map(|variable| variable.name));
        }
        let foreign = |name: &&String| name.starts_with(PREFIX) && !known.contains(*name);
        let foreign = variables.iter().map(|(name, _)| name).filter(foreign);
        warnings.extend(foreign.map(|name| format!("the variable {name} is no setting of ours")));
        Ok(())
    }

    /// Takes a text for what the setting's default is.
    fn put_text(&mut self, key: &str, text: &str, place: Place) -> Result<(), ConfigError> {
        let value = match self.0.get(key).map(|setting| &setting.value) {
            Some(Value::Array(_)) => list(text),
            Some(Value::Integer(_)) => text.parse().map_or_else(|_| text.into(), Value::Integer),
            Some(Value::Boolean(_)) => text.parse().map_or_else(|_| text.into(), Value::Boolean),
            Some(Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Table(_))
            | None => text.into(),
        };
        self.put(key, value, place)
    }

    fn put(&mut self, key: &str, value: Value, place: Place) -> Result<(), ConfigError> {
        let shown = shown(key, &value);
        let Some(setting) = self.0.get_mut(key) else { return Err(self.unknown(key, place)) };
        *setting = Setting { value, place: place.clone() };
        self.config().map(drop).map_err(|wanted| ConfigError::Wrong {
            key: key.to_owned(),
            shown,
            place,
            wanted: wanted.message().to_owned(),
        })
    }

    fn unknown(&self, key: &str, place: Place) -> ConfigError {
        let likeness = |known: &&String| {
            let whole = strsim::jaro_winkler(key, known);
            whole.max(strsim::jaro_winkler(last(key), last(known)))
        };
        let nearest = self.0.keys().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        ConfigError::Unknown {
            key: key.to_owned(),
            place,
            nearest: nearest.cloned().unwrap_or_default(),
        }
    }

    fn config(&self) -> Result<Config, toml::de::Error> {
        let mut sections = Table::new();
        for (key, Setting { value, .. }) in &self.0 {
            let (section, name) = key.split_once('.').unwrap_or(("", key));
            let empty = || Value::Table(Table::new());
            let table = match section {
                "" => Some(&mut sections),
                section => sections.entry(section).or_insert_with(empty).as_table_mut(),
            };
            table.and_then(|table| table.insert(name.to_owned(), value.clone()));
        }
        Config::deserialize(sections)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::Read {
        role: "the settings".into(),
        path: path.into(),
        source,
    })
}

/// The keys of a file with their lines and values.
fn parse(text: &str, path: &Path) -> Result<Vec<(String, usize, Value)>, ConfigError> {
    let line_of = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let broken = |error: toml::de::Error| ConfigError::Syntax {
        place: Place::File(path.into(), line_of(error.span().map_or(0, |span| span.start))),
        fault: error.message().to_owned(),
    };
    let mut settings = Vec::new();
    for (key, value) in DeTable::parse(text).map_err(broken)?.into_inner() {
        for (key, at, value) in leaves(key, value) {
            let value = Value::deserialize(ValueDeserializer::from(value)).map_err(broken)?;
            settings.push((key, line_of(at), value));
        }
    }
    Ok(settings)
}

/// The settings below a key, each with its place in the text: a section has many.
fn leaves<'i>(
    key: Spanned<DeString<'i>>,
    value: Spanned<DeValue<'i>>,
) -> Vec<(String, usize, Spanned<DeValue<'i>>)> {
    let at = key.span().start;
    if let DeValue::Table(section) = value.get_ref() {
        let leaf = |(name, value): (&Spanned<DeString<'i>>, &Spanned<DeValue<'i>>)| {
            (format!("{}.{}", key.get_ref(), name.get_ref()), name.span().start, value.clone())
        };
        return section.iter().map(leaf).collect();
    }
    vec![(key.into_inner().into_owned(), at, value)]
}

/// A variable that can hold a setting, or name the file that does.
struct Variable {
    name: String,
    names_a_file: bool,
}

/// The variables of a setting; the first one that is set counts.
fn variables_of(key: &str) -> Vec<Variable> {
    let bare = key.to_uppercase().replace('.', "_");
    let ours = Variable { name: format!("{PREFIX}{bare}"), names_a_file: false };
    if !SECRETS.contains(&key) {
        return vec![ours];
    }
    let our_file = Variable { name: format!("{PREFIX}{bare}_FILE"), names_a_file: true };
    let bare_file = Variable { name: format!("{bare}_FILE"), names_a_file: true };
    vec![ours, our_file, Variable { name: bare, names_a_file: false }, bare_file]
}

/// The secret in a file that a variable names.
fn read_secret(name: &str, path: &str, warnings: &mut Vec<String>) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read {
        role: format!("the variable {name}"),
        path: path.into(),
        source,
    };
    if fs::metadata(path).map_err(failed)?.permissions().mode() & READABLE_BY_ALL != 0 {
        warnings.push(format!("everybody on this machine can read {path}, which holds a secret"));
    }
    Ok(fs::read_to_string(path).map_err(failed)?.trim_end().to_owned())
}

fn list(text: &str) -> Value {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Value::Array(items.map(Value::from).collect())
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn shown(key: &str, value: &Value) -> String {
    let hidden = SECRETS.contains(&key) && value.as_str() != Some("");
    if hidden { "***".into() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::time::Duration;

    fn flag(key: &str, text: &str) -> Flag {
        Flag { key: key.into(), text: text.into() }
    }

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
    }

    fn file(text: &str) -> (tempfile::TempDir, Option<PathBuf>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, text).unwrap();
        (dir, Some(path))
    }

    fn refusal(sources: &Sources) -> String {
        load(sources).unwrap_err().to_string()
    }

    fn refused_flag(key: &str, text: &str) -> String {
        refusal(&Sources { flags: vec![flag(key, text)], ..Sources::default() })
    }

    #[test]
    fn without_sources_the_defaults_hold() {
        let config = load(&Sources::default()).unwrap().config;
        assert_eq!(config.ws.idle_close, Duration::from_mins(1));
        assert!(config.database_url.is_none());
        assert!(config.auth.hash_threads > 0);
        assert_eq!(config.master_key_file(), Path::new("fleetwire-data/master.key"));
    }

    #[test]
    fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
        let (_dir, file) =
            file("[ws]\nidle_close = \"1s\"\nping_interval = \"1s\"\npeer_timeout = \"2s\"");
        let variables =
            variables(&[("FLEETWIRE_WS_IDLE_CLOSE", "2s"), ("FLEETWIRE_WS_PEER_TIMEOUT", "3s")]);
        let flags = vec![flag("ws.idle_close", "4s")];
        let loaded = load(&Sources { file, variables, flags }).unwrap();
        let ws = &loaded.config.ws;
        assert_eq!(
            [ws.idle_close, ws.peer_timeout, ws.ping_interval, ws.stuck_after]
                .map(|it| it.as_secs()),
            [4, 3, 1, 30]
        );
        let print = loaded.print();
        assert!(print.contains("ws.idle_close = \"4s\"  # from flag\n"));
        assert!(print.contains("ws.peer_timeout = \"3s\"  # from FLEETWIRE_WS_PEER_TIMEOUT\n"));
        assert!(print.contains("config.toml, line 3\n"));
        assert!(print.contains("ws.stuck_after = \"30s\"  # from default\n"));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_its_nearest() {
        let (_dir, file) = file("insecure = true\n\n[ws]\nidle_closed = \"1s\"");
        let told = refusal(&Sources { file, ..Sources::default() });
        assert!(told.starts_with("there is no setting `ws.idle_closed` (from file "), "{told}");
        assert!(told.ends_with("config.toml, line 4); the nearest is `ws.idle_close`"), "{told}");
        assert!(refused_flag("idle_close", "1s").ends_with("`ws.idle_close`"));
        assert!(refused_flag("ws", "1s").contains("there is no setting `ws`"));
    }

    #[test]
    fn broken_toml_is_told_with_its_line() {
        let (_dir, file) = file("insecure = true\nlisten = [");
        let told = refusal(&Sources { file, ..Sources::default() });
        assert!(told.contains("config.toml, line 2: "), "{told}");
    }

    #[test]
    fn a_wrong_value_is_told_with_what_would_be_right() {
        assert_eq!(
            refused_flag("ws.max_sockets", "many"),
            "ws.max_sockets = \"many\" (from flag) is not right: it must be a whole number from 1 to 1000000"
        );
        for (key, text, wanted) in [
            ("ws.max_sockets", "0", "a whole number from 1 to 1000000"),
            ("auth.access_life", "2h", "a duration from 1s to 1h"),
            ("auth.access_life", "900", "a duration from 1s to 1h"),
            ("insecure", "yes", "true or false"),
            ("listen", "8000", "a list of addresses with ports"),
            ("listen", "", "addresses with ports"),
            ("allowed_origins", "https://garage.example/", "origins such as"),
            ("trusted_proxies", "10.0.0.1:80", "addresses without ports"),
            ("log.format", "xml", "auto, json or pretty"),
            ("log.filter", "=,=", "levels such as"),
            ("data_dir", "", "the path of a directory"),
        ] {
            let told = refused_flag(key, text);
            assert!(
                told.contains(&format!("it must be {wanted}")) || told.contains(wanted),
                "{told}"
            );
        }
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        assert_eq!(
            refused_flag("commands.deliver_within_max", "5s"),
            "commands.deliver_within (60s) must be at most commands.deliver_within_max (5s)"
        );
    }

    #[test]
    fn secrets_come_under_plain_names_and_from_files_and_are_never_shown() {
        let (_dir, secret) = file("postgres://anna:hidden@db/fleet\n");
        let secret = secret.unwrap().display().to_string();
        let variables = variables(&[
            ("DATABASE_URL", "postgres://other"),
            ("FLEETWIRE_DATABASE_URL_FILE", &secret),
            ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
        ]);
        let loaded = load(&Sources { variables, ..Sources::default() }).unwrap();
        let url = loaded.config.database_url.as_ref().unwrap();
        assert_eq!(url.expose_secret(), "postgres://anna:hidden@db/fleet");
        let print = loaded.print();
        assert!(print.contains("database_url = ***  # from FLEETWIRE_DATABASE_URL_FILE\n"));
        assert!(print.contains("jwt_secret = ***  # from JWT_SECRET\n"));
        assert!(print.contains("redis_url = \"\"  # from default\n"));
        assert!(!format!("{loaded:?}").contains("hidden"), "{loaded:?}");
    }

    #[test]
    fn a_short_shared_secret_is_refused_unseen() {
        let variables = variables(&[("JWT_SECRET", "short")]);
        assert_eq!(
            refusal(&Sources { variables, ..Sources::default() }),
            "jwt_secret = *** (from JWT_SECRET) is not right: it must be at least 32 bytes long"
        );
    }

    #[test]
    fn a_variable_that_is_no_setting_is_worth_a_warning() {
        let variables = variables(&[
            ("FLEETWIRE_WS_IDLE", "1s"),
            ("FLEETWIRE_TOKEN", "t"),
            ("FLEETWIRE_LISTEN", ""),
            ("PATH", "/bin"),
        ]);
        let loaded = load(&Sources { variables, ..Sources::default() }).unwrap();
        assert_eq!(loaded.warnings, ["the variable FLEETWIRE_WS_IDLE is no setting of ours"]);
    }

    #[test]
    fn plain_http_stays_on_this_machine_unless_permitted() {
        let open = |insecure| {
            let flags = vec![flag("listen", "127.0.0.1:1,0.0.0.0:2"), flag("insecure", insecure)];
            load(&Sources { flags, ..Sources::default() }).unwrap().config.check_start()
        };
        assert!(matches!(open("false"), Err(ConfigError::PlainHttp(_))));
        assert!(open("true").is_ok());
    }

    #[test]
    fn tls_needs_a_certificate_and_its_key_and_opens_every_address() {
        let pair = [("tls.certificate", "server.pem"), ("tls.key", "server.key")];
        let mut flags = vec![flag("listen", "0.0.0.0:2")];
        flags.extend(pair.map(|(key, text)| flag(key, text)));
        let config = load(&Sources { flags, ..Sources::default() }).unwrap().config;
        assert!(config.check_start().is_ok());
        assert_eq!(config.scheme(), "https");
        for (key, text) in pair {
            assert!(refused_flag(key, text).ends_with("is not: set both, or neither"));
        }
        assert!(refused_flag("tls.min_version", "1.1").contains("it must be 1.2 or 1.3"));
    }

    #[test]
    fn every_variable_means_one_setting() {
        let defaults = load(&Sources::default()).unwrap().layers;
        let mut names: Vec<_> =
            defaults.0.keys().flat_map(|key| variables_of(key)).map(|it| it.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
