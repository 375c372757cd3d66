//! Asks edges how they are: all at once, and none for long.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use skyful::manifest::sign;
use ureq::http::Method;

use crate::app::doctor::edges::{Answer, Edge, Known, Status};
use crate::deliver::api::{Api, Call, Patience, Reply};
use crate::deliver::reach::Reach;
use crate::failure::Failure;

/// An edge that takes longer is of no use to visitors either.
const PATIENCE: Patience = Patience {
    attempts: 1,
    deadline: Duration::from_secs(3),
};
const AT_ONCE: usize = 16;
const MANIFEST: &str = "/v1/manifest";

pub async fn ask(edges: Vec<Edge>, known: &[Known]) -> Vec<(Edge, Answer)> {
    let asked = edges.into_iter().map(|edge| async move {
        let answer = answer(&edge.url, known).await;
        (edge, answer)
    });
    stream::iter(asked).buffered(AT_ONCE).collect().await
}

async fn answer(url: &str, known: &[Known]) -> Answer {
    let api = Api::new(url, PATIENCE, &Reach::everywhere());
    let get = |path: &str| api.send(Call::new(Method::GET, path));
    let reply = match get("/v1/status").await {
        Ok(reply) => reply,
        Err(failure) => return Answer::Silent(failure.message),
    };
    let Some(status) = reply.json::<Status>().filter(|_| reply.status == 200) else {
        return Answer::Strange;
    };
    let healthy = get("/healthz").await.is_ok_and(|reply| reply.status == 200);
    let trusts = trusts(&api, &status, known).await;
    Answer::Told {
        status,
        healthy,
        trusts,
    }
}

/// Reading a manifest is for those whom it trusts, and changes nothing.
async fn trusts(api: &Api, status: &Status, known: &[Known]) -> Option<bool> {
    let (workspace, env) = (&*status.workspace, &*status.env);
    let known = known
        .iter()
        .find(|known| known.place.0 == workspace && known.place.1 == env)?;
    let pass = sign::pass(known.key.as_ref()?, workspace, env, "GET", MANIFEST);
    let call = Call::new(Method::GET, MANIFEST).header("skyful-signature", pass);
    let reply: Result<Reply, Failure> = api.send(call).await;
    match reply.ok()?.status {
        200 | 404 => Some(true),
        403 => Some(false),
        _ => None,
    }
}
