//! Configurations of an entity: parameters as JSON, and blobs.
//!
//! Gives no meaning to them: a parameter must only have the shape of the one before.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::refusal::{Refusal, unknown};

/// Bytes of a blob that are kept.
pub(crate) const MAX_BLOB_BYTES: usize = 16 * 1024;

/// A configuration as it leaves the factory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfigurationPlan {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    #[serde(flatten)]
    pub(crate) content: Factory,
}

/// What a configuration consists of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Factory {
    Parameter(Value),
    Bulk(String),
}

/// What has been written.
#[derive(Debug, Default)]
pub(crate) struct Configurations(Vec<(String, Content)>);

/// The content of a configuration.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Parameter(Value),
    Bulk(Bytes),
}

impl Configurations {
    /// What was written last, or came with the entity.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`] if there is no such configuration.
    pub(crate) fn read(&self, plans: &[ConfigurationPlan], id: &str) -> Result<Content, Refusal> {
        let plan = plan_of(plans, id)?;
        let written = self.0.iter().find(|(written, _)| written == id);
        Ok(written.map_or_else(|| plan.content.delivered(), |(_, content)| content.clone()))
    }

    /// Writes a parameter whose fields and their kinds stay as they are.
    ///
    /// # Errors
    ///
    /// [`Refusal::InvalidValue`] points to what does not fit, [`Refusal::UnsupportedContent`] if
    /// it is a blob.
    pub(crate) fn write(
        &mut self,
        plans: &[ConfigurationPlan],
        id: &str,
        value: Value,
    ) -> Result<(), Refusal> {
        let Factory::Parameter(delivered) = &plan_of(plans, id)?.content else {
            return Err(Refusal::UnsupportedContent);
        };
        fits(delivered, &value, "/data")?;
        self.put(id, Content::Parameter(value));
        Ok(())
    }

    /// Writes a blob.
    ///
    /// # Errors
    ///
    /// [`Refusal::InvalidValue`] if it is too large, [`Refusal::UnsupportedContent`] if it is a
    /// parameter.
    pub(crate) fn write_blob(
        &mut self,
        plans: &[ConfigurationPlan],
        id: &str,
        blob: Bytes,
    ) -> Result<(), Refusal> {
        if !plan_of(plans, id)?.is_bulk() {
            return Err(Refusal::UnsupportedContent);
        }
        if blob.len() > MAX_BLOB_BYTES {
            return Err(invalid("/", "it is too large"));
        }
        self.put(id, Content::Bulk(blob));
        Ok(())
    }

    fn put(&mut self, id: &str, content: Content) {
        self.0.retain(|(written, _)| written != id);
        self.0.push((id.to_owned(), content));
    }
}

impl ConfigurationPlan {
    pub(crate) fn is_bulk(&self) -> bool {
        matches!(self.content, Factory::Bulk(_))
    }
}

impl Factory {
    fn delivered(&self) -> Content {
        match self {
            Self::Parameter(value) => Content::Parameter(value.clone()),
            Self::Bulk(text) => Content::Bulk(Bytes::copy_from_slice(text.as_bytes())),
        }
    }
}

fn plan_of<'a>(plans: &'a [ConfigurationPlan], id: &str) -> Result<&'a ConfigurationPlan, Refusal> {
    plans.iter().find(|plan| plan.id == id).ok_or_else(|| unknown("configuration", id))
}

/// Objects have the same fields, and everything is of the same kind.
fn fits(delivered: &Value, value: &Value, path: &str) -> Result<(), Refusal> {
    let (Value::Object(wanted), Value::Object(given)) = (delivered, value) else {
        let same = std::mem::discriminant(delivered) == std::mem::discriminant(value);
        return if same { Ok(()) } else { Err(invalid(path, "it is of another kind")) };
    };
    if let Some(field) = given.keys().find(|field| !wanted.contains_key(*field)) {
        return Err(invalid(&format!("{path}/{field}"), "there is no such field"));
    }
    for (field, wanted) in wanted {
        let path = format!("{path}/{field}");
        let given = given.get(field).ok_or_else(|| invalid(&path, "it is missing"))?;
        fits(wanted, given, &path)?;
    }
    Ok(())
}

fn invalid(path: &str, fault: &str) -> Refusal {
    Refusal::InvalidValue { path: path.to_owned(), fault: fault.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_keeps_its_shape() {
        let delivered = json!({"region": "EU", "seats": 5});
        let fault = |value| match fits(&delivered, &value, "/data") {
            Ok(()) => None,
            Err(Refusal::InvalidValue { path, .. }) => Some(path),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(fault(json!({"region": "US", "seats": 4})), None);
        assert_eq!(fault(json!({"region": 7, "seats": 4})).unwrap(), "/data/region");
        assert_eq!(fault(json!({"region": "US"})).unwrap(), "/data/seats");
        assert_eq!(fault(json!([])).unwrap(), "/data");
    }
}
