//! An edge against a store in memory, with manifests that are really signed.

mod aside;
mod attributes;
mod caching;
mod caps;
mod damage;
mod events;
mod fixture;
mod health;
mod lag;
mod manifests;
mod ofrep;
mod ofrep_lag;
mod publish;
mod requests;
mod signed;
mod token;
mod watched;
mod world;
