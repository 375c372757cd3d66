//! The API as clients see it, over real database files and without sockets.

mod again;
mod audit;
mod canary;
mod heavy;
mod house;
mod limits;
mod matrix;
mod meanwhile;
mod openapi;
mod people;
mod real;
mod refusals;
mod roles;
mod sites;
mod stock;
mod strangers;
mod table;
mod templates;
mod tenants;
mod tokens;
