//! The server as its clients see it, on real databases and simulated vehicles.

#![expect(clippy::indexing_slicing, reason = "JSON that is not there reads as null")]

mod cursor;
mod lifecycle;
mod websocket;
