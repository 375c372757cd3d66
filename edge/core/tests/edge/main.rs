//! An edge against a store in memory, with manifests that are really signed.

mod attributes;
mod caching;
mod damage;
mod events;
mod fixture;
mod lag;
mod manifests;
mod publish;
mod requests;
mod watched;
mod world;
