//! What a command tells of the faults of a vehicle, for the counts of the fleet.
//!
//! Refuses to conclude from a part: what was asked with a filter, or of one memory, counts for nothing.

use connect::Part;
use model::catalog::{Question, faults, vehicles};
use model::decode;
use model::dtc::Dtc;
use serde_json::Value;
use std::collections::BTreeMap;
use store::{FaultReading, FaultSeen, Finding};

/// The most faults of a read that is kept.
const MAX_FAULTS: usize = 5000;
/// Bytes of the longest name of an entity, and of the longest code: they are keys.
const LONGEST_ENTITY: usize = 400;
const LONGEST_CODE: usize = 100;
/// Characters of a text that are kept.
const LONGEST_TEXT: usize = 300;
/// Bytes of a part of the older commands; what is larger is none of theirs.
const OLDER_PART: usize = 16 << 10;

/// What was asked.
#[derive(Debug)]
enum Asked {
    /// All faults of an entity.
    Entity(String),
    /// All faults of entities, of which each has a part.
    Entities { is_whole: bool },
    /// Faults of an entity were cleared; the last part lists what remained.
    Clear { entity: String, code: Option<String> },
    /// All faults of a control unit, a part for each.
    Older,
    /// The same cleared; nothing lists what remained.
    OlderClear { code: Option<String> },
}

/// What has been told so far.
#[derive(Debug)]
pub(super) struct Survey {
    asked: Asked,
    entities: BTreeMap<String, Finding>,
    /// The faults that are of no entity yet.
    listed: BTreeMap<String, FaultSeen>,
    count: usize,
    /// Whether something was told in another shape than ours.
    is_odd: bool,
}

impl Survey {
    /// One that is yet to be told anything; `None` if the question is not about all faults of anything.
    pub(super) fn of(question: &Question) -> Option<Self> {
        use faults::Question as F;
        use vehicles::Question as V;
        #[expect(clippy::wildcard_enum_match_arm, reason = "few of many commands are about faults")]
        let asked = match question {
            Question::Faults(F::List { entity, status, severity: None, scope: None })
                if status.is_empty() =>
            {
                Asked::Entity(entity.clone())
            }
            Question::Faults(F::Scan { entities, status, severity: None, scope: None })
                if status.is_empty() =>
            {
                Asked::Entities { is_whole: entities.is_none() }
            }
            Question::Faults(F::Clear { entity, code, scope: None }) => {
                Asked::Clear { entity: entity.clone(), code: code.clone() }
            }
            Question::Vehicle(V::Health { entities }) => {
                Asked::Entities { is_whole: entities.is_none() }
            }
            Question::ReadDtc { .. } => Asked::Older,
            Question::ClearDtc { dtc_code, .. } => Asked::OlderClear { code: dtc_code.clone() },
            _ => return None,
        };
        let (entities, listed) = (BTreeMap::new(), BTreeMap::new());
        Some(Self { asked, entities, listed, count: 0, is_odd: false })
    }

    /// Takes in a part of the answer; the last one gives what is to be kept.
    pub(super) fn add(&mut self, part: &Part) -> Option<FaultReading> {
        let is_older = matches!(self.asked, Asked::Older | Asked::OlderClear { .. });
        self.is_odd |= is_older && part.payload.get().len() > OLDER_PART;
        if !self.is_odd {
            let payload = serde_json::from_str(part.payload.get()).unwrap_or_default();
            self.is_odd = self.take(&payload, part).is_none();
        }
        if part.is_final && self.is_odd {
            tracing::debug!("faults are not counted that came in another shape, or too many");
        }
        (part.is_final && !self.is_odd).then(|| self.reading())
    }

    fn reading(&mut self) -> FaultReading {
        let is_whole = matches!(self.asked, Asked::Entities { is_whole: true });
        FaultReading {
            is_whole,
            entities: std::mem::take(&mut self.entities).into_iter().collect(),
        }
    }

    /// `None` if it is odd.
    fn take(&mut self, payload: &Value, part: &Part) -> Option<()> {
        match &self.asked {
            Asked::Entity(entity) => {
                let entity = entity.clone();
                self.list(payload)?;
                if part.is_final { self.close(&entity) } else { Some(()) }
            }
            Asked::Entities { .. } => self.of_an_entity(payload, part.is_final),
            Asked::Clear { .. } if !part.is_final => Some(()),
            Asked::Clear { entity, code } => {
                let (entity, code) = (entity.clone(), code.clone());
                match self.list(payload) {
                    Some(()) => self.close(&entity),
                    None => self.tell(&entity, Finding::Cleared(code.as_deref().map(printed))),
                }
            }
            Asked::Older if part.is_final => {
                (payload.get("status")?.as_str()? == "complete").then_some(())?;
                self.close(part.entity.as_deref()?)
            }
            Asked::Older => self.older(payload),
            Asked::OlderClear { code } => {
                let cleared = Finding::Cleared(code.as_deref().map(printed));
                (payload.get("status")?.as_str()? == "success").then_some(())?;
                self.tell(part.entity.as_deref()?, cleared)
            }
        }
    }

    /// What a part of many says of its entity.
    fn of_an_entity(&mut self, payload: &Value, is_final: bool) -> Option<()> {
        let Some(entity) = payload.get("entity").and_then(Value::as_str) else {
            // A vehicle without entities says so in its only part.
            let is_empty = payload.get("items")?.as_array()?.is_empty();
            return (is_empty && is_final).then_some(());
        };
        let list = payload.get("faults").unwrap_or(payload);
        if items(list).is_some() {
            self.list(list)?;
            return self.close(entity);
        }
        let refusal = payload.get("error").or_else(|| payload.get("errors")?.get("faults"));
        // A report on an entity without a memory of faults has neither.
        if refusal.is_some() { self.tell(entity, Finding::Unanswered) } else { Some(()) }
    }

    /// Takes in a list of faults.
    fn list(&mut self, list: &Value) -> Option<()> {
        for item in items(list)? {
            let decode::NamedFault { code, text } = decode::named(item)?;
            let decode::DecodedFault { severity, class, .. } = decode::fault(item);
            self.see(FaultSeen { code, text, severity, status: class })?;
        }
        Some(())
    }

    /// Takes in a part of the older command.
    fn older(&mut self, payload: &Value) -> Option<()> {
        let word = |name| payload.get(name).and_then(Value::as_str);
        let text = word("description").filter(|text| !text.is_empty()).map(str::to_owned);
        let status = word("status").and_then(decode::Class::from_word);
        let code = printed(word("dtcCode")?);
        self.see(FaultSeen { code, text, severity: None, status })
    }

    /// One that several memories have counts once, as bad as it is in any of them.
    fn see(&mut self, fault: FaultSeen) -> Option<()> {
        self.count = self.count.saturating_add(1);
        let code = clean(&fault.code);
        if code.is_empty() || code.len() > LONGEST_CODE || self.count > MAX_FAULTS {
            return None;
        }
        let text = fault.text.map(|text| clean(&text).chars().take(LONGEST_TEXT).collect());
        let fault = FaultSeen { code: code.clone(), text, ..fault };
        let worst = match self.listed.remove(&code) {
            Some(other) => worse(other, fault),
            None => fault,
        };
        self.listed.insert(code, worst);
        Some(())
    }

    /// What was listed is all that the entity has.
    fn close(&mut self, entity: &str) -> Option<()> {
        let faults = std::mem::take(&mut self.listed).into_values().collect();
        self.tell(entity, Finding::Faults(faults))
    }

    fn tell(&mut self, entity: &str, finding: Finding) -> Option<()> {
        let is_key = entity.len() <= LONGEST_ENTITY && !entity.contains(char::is_control);
        is_key.then(|| _ = self.entities.insert(entity.to_owned(), finding))
    }
}

/// The entries of a list of faults.
fn items(list: &Value) -> Option<&Vec<Value>> {
    ["items", "value"].iter().find_map(|name| list.get(*name)?.as_array())
}

/// A code as the counts have it: without the failure type.
fn printed(code: &str) -> String {
    code.parse().map_or_else(|_| clean(code), |dtc: Dtc| dtc.without_failure_type().to_string())
}

/// Without what no database and no page likes.
fn clean(text: &str) -> String {
    text.chars().filter(|symbol| !symbol.is_control()).collect::<String>().trim().to_owned()
}

/// The one of the two that is worse, and what either says.
fn worse(one: FaultSeen, other: FaultSeen) -> FaultSeen {
    let severity = [one.severity, other.severity].into_iter().flatten().min();
    let status = [one.status, other.status].into_iter().flatten().min();
    FaultSeen { code: one.code, text: one.text.or(other.text), severity, status }
}
