//! What clients create and name by an id, up to a limit.
//!
//! Decides nothing about when a thing is over: that is for the thing and its owner.

use std::collections::VecDeque;

use uuid::Uuid;

use crate::refusal::{Refusal, unknown};

/// A thing that is kept until somebody takes it away.
pub(crate) trait Kept {
    /// What a refusal calls it.
    const KIND: &'static str;
    /// How many of them an entity keeps.
    const LIMIT: usize;
}

/// Things of one kind, the oldest first.
#[derive(Debug)]
pub(crate) struct Shelf<T>(VecDeque<(String, T)>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Kept> Shelf<T> {
    /// Keeps a thing under a new id.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooMany`] if the shelf is full.
    pub(crate) fn add(&mut self, thing: T) -> Result<String, Refusal> {
        if self.0.len() >= T::LIMIT {
            return Err(Refusal::TooMany(T::KIND));
        }
        let id = Uuid::new_v4().to_string();
        self.0.push_back((id.clone(), thing));
        Ok(id)
    }

    /// Keeps a thing; a full shelf loses its oldest.
    pub(crate) fn push(&mut self, thing: T) -> String {
        if self.0.len() >= T::LIMIT {
            self.0.pop_front();
        }
        let id = Uuid::new_v4().to_string();
        self.0.push_back((id.clone(), thing));
        id
    }

    /// # Errors
    ///
    /// [`Refusal::Unknown`] if it never was, or is gone; so say the other verbs.
    pub(crate) fn get(&self, id: &str) -> Result<&T, Refusal> {
        let found = self.0.iter().find(|(key, _)| key == id);
        found.map(|(_, thing)| thing).ok_or_else(|| unknown(T::KIND, id))
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Result<&mut T, Refusal> {
        let found = self.0.iter_mut().find(|(key, _)| key == id);
        found.map(|(_, thing)| thing).ok_or_else(|| unknown(T::KIND, id))
    }

    pub(crate) fn take(&mut self, id: &str) -> Result<T, Refusal> {
        let position = self.0.iter().position(|(key, _)| key == id);
        let taken = position.and_then(|position| self.0.remove(position));
        taken.map(|(_, thing)| thing).ok_or_else(|| unknown(T::KIND, id))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(id, thing)| (id.as_str(), thing))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, thing)| thing)
    }

    pub(crate) fn retain(&mut self, stays: impl Fn(&T) -> bool) {
        self.0.retain(|(_, thing)| stays(thing));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
