//! An edge against a store in memory, with manifests that are really signed.

mod attributes;
mod damage;
mod fixture;
mod lag;
mod manifests;
mod requests;
mod world;
