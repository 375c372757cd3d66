//! Delivery in a real database, in virtual time where that matters. Targets are real where they can be had; of hosted stores
//! there are fakes that check what they are sent.

mod again;
mod cloudflare;
mod collecting;
mod desk;
mod fastly;
mod faults;
mod inside;
mod lagging;
mod many;
mod over_http;
mod real;
mod shim;
mod slow;
mod web;
