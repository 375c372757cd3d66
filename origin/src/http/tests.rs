//! The API as clients see it, over real database files and without sockets.

mod audit;
mod canary;
mod heavy;
mod house;
mod matrix;
mod openapi;
mod people;
mod refusals;
mod sites;
mod table;
mod templates;
mod tenants;
mod tokens;
