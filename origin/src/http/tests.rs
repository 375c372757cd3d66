//! The API as clients see it, over real database files and without sockets.

mod again;
mod audit;
mod canary;
mod house;
mod matrix;
mod meanwhile;
mod openapi;
mod people;
mod refusals;
mod sites;
mod table;
mod tenants;
mod tokens;
