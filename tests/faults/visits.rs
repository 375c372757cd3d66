//! Who asks what of which edge, and that every answer is judged.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use skyful_edge::{Edge, Facts, Request, Response};

use crate::books::{PAGES, UNITS, Visitor, unit_name};
use crate::check::{self, Asked, Verdict};
use crate::dice::Dice;
use crate::door::Door;
use crate::store::POPS;
use crate::world::{Instance, World};

/// Somebody who keeps what was shown, and follows the mark alone.
pub struct Client {
    pub visitor: Visitor,
    pop: usize,
    highest: u64,
    held: BTreeMap<&'static str, u64>,
}

impl World {
    pub fn client(&mut self) -> Client {
        Client {
            visitor: Visitor {
                unit: self.dice.below(UNITS),
                age: *self.dice.of(&[20, 67]),
            },
            pop: self.dice.below(POPS as u64) as usize,
            highest: 0,
            held: BTreeMap::new(),
        }
    }

    /// One to three people ask one instance at the same time.
    pub fn visit(&mut self) -> Result<(), String> {
        let instance = self.dice.below(self.instances.len() as u64) as usize;
        let several = self.dice.permille(200);
        let people = if several { self.dice.between(2, 3) } else { 1 };
        let pop = self.instances[instance].door.pop;
        let mut who = Vec::new();
        let mut questions = Vec::new();
        for _ in 0..people {
            let client = self.dice.below(self.clients.len() as u64) as usize;
            if self.dice.permille(150) {
                self.clients[client].pop = pop;
            }
            let known = self.clients[client].pop == pop && !who.contains(&Some(client));
            let page = *self.dice.of(&PAGES);
            if !known {
                // Somebody new, some of whom claim nonsense.
                let visitor = self.client().visitor;
                let claims = [7 << 40, (1 << 53) - 1, u64::MAX, 70_000, 0];
                let claim = self.dice.permille(100).then(|| *self.dice.of(&claims));
                who.push(None);
                questions.push((instance, page, visitor, claim));
                continue;
            }
            let person = &self.clients[client];
            let seen = Some(person.highest).filter(|highest| *highest > 0);
            who.push(Some(client));
            questions.push((instance, page, person.visitor, seen));
        }
        let verdicts = self.ask(&questions)?;
        for ((who, question), verdict) in who.into_iter().zip(&questions).zip(verdicts) {
            if let Some(client) = who {
                self.clients[client].receive(question.1, &verdict)?;
            }
        }
        self.look_behind(instance);
        Ok(())
    }

    /// What adapters do behind answers.
    pub fn look_behind(&mut self, instance: usize) {
        let random = self.dice.bytes();
        let now = self.lock().local_ms(instance);
        let Instance { edge, door, .. } = &self.instances[instance];
        if edge.due(now) {
            self.lock().interleave = false;
            finish(edge.refresh(door, now, random));
            self.instances[instance].fresh = false;
        }
    }

    /// Asks at the same time, and judges every answer.
    pub fn ask(
        &mut self,
        questions: &[(usize, &'static str, Visitor, Option<u64>)],
    ) -> Result<Vec<Verdict>, String> {
        self.step += 1;
        let instance = questions[0].0;
        let randoms: Vec<[u8; 16]> = questions.iter().map(|_| self.dice.bytes()).collect();
        let local_ms = {
            let mut network = self.lock();
            let step = self.step;
            network.mirrors[instance].begin(step);
            network.interleave = questions.len() > 1;
            network.local_ms(instance)
        };
        let Instance { edge, door, fresh } = &mut self.instances[instance];
        let first = std::mem::take(fresh);
        let (edge, door) = (&*edge, &*door);
        let futures = questions.iter().zip(&randoms).map(|(question, random)| {
            let (_, page, visitor, seen) = *question;
            send(edge, door, page, visitor, seen, local_ms, *random)
        });
        let mut running: Vec<Option<Asking<'_>>> =
            futures.map(|future| Some(Box::pin(future) as _)).collect();
        let answers = interleaved(&mut running, &mut self.dice);
        drop(running);
        let mut verdicts = Vec::new();
        for (question, response) in questions.iter().zip(&answers) {
            let (_, page, visitor, seen) = *question;
            let asked = Asked {
                visitor,
                page,
                seen,
                instance,
                local_ms,
                alone: questions.len() == 1,
                first,
            };
            verdicts.push(self.judged(response, &asked)?);
        }
        Ok(verdicts)
    }

    fn judged(&self, response: &Response, asked: &Asked) -> Result<Verdict, String> {
        let mut network = self.lock();
        let instance = asked.instance;
        let mirror = &network.mirrors[instance];
        let judged = check::judge(response, asked, mirror, &network.books);
        let breach = mirror.breach.clone();
        let view = mirror.view;
        network.note(|| {
            let body = String::from_utf8_lossy(&response.body);
            format!(
                "edge {instance} is asked for {} by {:?} who saw {:?}: {} {:?} {body:.160}; it must hold {view:?}",
                asked.page,
                asked.visitor,
                asked.seen,
                response.status,
                response.header("skyful-behind"),
            )
        });
        let verdict = match breach {
            Some(breach) => Err(format!("edge {instance}: {breach}")),
            None => judged.map_err(|why| format!("edge {instance}, page {}: {why}", asked.page)),
        }?;
        network.count("answers");
        for kind in &verdict.kinds {
            network.count(kind);
        }
        if verdict.behind {
            network.count("behind");
        }
        if !asked.alone {
            network.count("at the same time");
        }
        Ok(verdict)
    }
}

impl Client {
    /// A page that is held is replaced unless the answer is marked or empty by an error.
    fn receive(&mut self, page: &'static str, verdict: &Verdict) -> Result<(), String> {
        let Some(sequence) = verdict.sequence else {
            return Ok(());
        };
        self.highest = self.highest.max(sequence);
        if verdict.error || (verdict.behind && self.held.contains_key(page)) {
            return Ok(());
        }
        let before = self.held.insert(page, sequence);
        match before.filter(|before| *before > sequence) {
            Some(before) => Err(format!("{page} goes back from {before} to {sequence}")),
            None => Ok(()),
        }
    }
}

async fn send(
    edge: &Edge,
    door: &Door,
    page: &str,
    visitor: Visitor,
    seen: Option<u64>,
    now_ms: i64,
    random: [u8; 16],
) -> Response {
    let path = format!("/v1/pages/{page}");
    let query = format!("unit={}&attr.age={}", unit_name(visitor.unit), visitor.age);
    let header = |name: &str| {
        seen.filter(|_| name == "skyful-sequence")
            .map(|seen| seen.to_string())
    };
    let request = Request {
        method: "GET",
        path: &path,
        query: &query,
        header: &header,
        body: &[],
        facts: Facts::default(),
    };
    edge.handle(door, request, now_ms, random).await
}

/// A request under way.
type Asking<'a> = Pin<Box<dyn Future<Output = Response> + 'a>>;

/// Polls in an order of chance until all are done.
fn interleaved(running: &mut [Option<Asking<'_>>], dice: &mut Dice) -> Vec<Response> {
    let mut done: Vec<Option<Response>> = running.iter().map(|_| None).collect();
    let mut context = Context::from_waker(Waker::noop());
    while running.iter().any(Option::is_some) {
        let at = dice.below(running.len() as u64) as usize;
        if let Some(future) = &mut running[at]
            && let Poll::Ready(response) = future.as_mut().poll(&mut context)
        {
            done[at] = Some(response);
            running[at] = None;
        }
    }
    done.into_iter().flatten().collect()
}

pub fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}
