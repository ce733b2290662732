//! What every case needs: subjects, servers, clients, and something for the servers to stand on.

pub(crate) mod client;
pub(crate) mod fixtures;
pub(crate) mod rmcp_client;
pub(crate) mod server;
pub(crate) mod subject;

pub(crate) use testkit::{
    PATIENCE,
    client::{Answers, Wire},
    eventually,
    upstream::Gate,
};

pub(crate) use self::{client::Client, server::Server, subject::Subject};
