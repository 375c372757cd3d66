//! One schedule: edges, clients, releases and weather in virtual time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use skyful::manifest::Mode;
use skyful_edge::{Config, Edge, Facts, Request, Response};

use crate::books::{self, ENV, GrayShare, PAGES, Release, UNITS, Visitor, WORKSPACE, unit_name};
use crate::check::{self, Asked, Verdict};
use crate::delivery::Delivery;
use crate::dice::{Dice, mix};
use crate::mirror::Mirror;
use crate::store::{Door, LAG_MS, Network, POPS, WEATHER};

const START_MS: i64 = 1_800_000_000_000;

struct Instance {
    edge: Edge,
    door: Door,
    fresh: bool,
}

/// Somebody who keeps what was shown, and follows the mark alone.
struct Client {
    visitor: Visitor,
    pop: usize,
    highest: u64,
    held: BTreeMap<&'static str, u64>,
}

pub struct World {
    network: Arc<Mutex<Network>>,
    dice: Dice,
    instances: Vec<Instance>,
    clients: Vec<Client>,
    delivery: Delivery,
    /// The worst weather of this schedule.
    worst: usize,
    step: u64,
}

/// Counts and, if asked for, the log.
pub struct Run {
    pub counts: BTreeMap<&'static str, u64>,
    pub log: Vec<String>,
    pub failure: Option<String>,
}

pub fn run(seed: u64, log: bool) -> Run {
    let mut world = World::new(seed, log);
    let failure = world.play().err();
    let mut network = world.lock();
    Run {
        counts: std::mem::take(&mut network.counts),
        log: network.log.take().unwrap_or_default(),
        failure,
    }
}

impl World {
    fn new(seed: u64, log: bool) -> Self {
        let mut dice = Dice::new(mix(seed));
        let network = Arc::new(Mutex::new(Network::new(seed, START_MS, log)));
        let mut world = Self {
            instances: Vec::new(),
            clients: Vec::new(),
            delivery: Delivery::default(),
            worst: *dice.of(&[0, 0, 1, 1, 2]),
            step: 0,
            network,
            dice,
        };
        for pop in 0..POPS {
            for _ in 0..world.dice.between(2, 4) {
                world.add_instance(pop);
            }
        }
        for _ in 0..10 {
            let client = world.client();
            world.clients.push(client);
        }
        world
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Network> {
        self.network.lock().expect("no check panics")
    }

    fn client(&mut self) -> Client {
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

    fn add_instance(&mut self, pop: usize) {
        let instance = self.instances.len();
        {
            let mut network = self.lock();
            network.mirrors.push(Mirror::default());
            network.clocks.push(0);
        }
        let door = Door {
            network: Arc::clone(&self.network),
            instance,
            pop,
        };
        let edge = self.edge();
        self.instances.push(Instance {
            edge,
            door,
            fresh: true,
        });
        self.set_clock(instance);
    }

    /// As the platforms do: looks with requests each second, or behind them.
    fn edge(&mut self) -> Edge {
        let mut config = Config::new(WORKSPACE, ENV, books::trust());
        if self.dice.permille(500) {
            config.recheck_ms = 5_000;
            config.wait_ms = 30_000;
        }
        if self.dice.permille(300) {
            // Two or three objects.
            config.cache_bytes = 6_000;
        }
        Edge::new(config).expect("a valid configuration")
    }

    fn set_clock(&mut self, instance: usize) {
        let clock = self.dice.between(-8_000, 8_000);
        self.lock().clocks[instance] = clock;
    }

    fn play(&mut self) -> Result<(), String> {
        let minutes = self.dice.between(15, 50);
        let until = START_MS + minutes * 60_000;
        let mut release_ms = START_MS + self.dice.between(0, 60_000);
        let mut weather_ms = START_MS;
        while self.lock().now_ms < until {
            let pause = *self.dice.of(&[200, 3_000, 8_000, 15_000]);
            self.advance(pause);
            let now = self.lock().now_ms;
            if now >= release_ms {
                self.release();
                let longest = *self.dice.of(&[120_000, 900_000]);
                release_ms = now + self.dice.between(20_000, longest);
            }
            if now >= weather_ms {
                weather_ms = now + self.dice.between(60_000, 600_000);
                let level = self.dice.below(self.worst as u64 + 1) as usize;
                self.lock().weather = WEATHER[level];
            }
            self.mishap();
            self.visit()?;
            if self.dice.permille(6) {
                self.crowd()?;
            }
        }
        self.calm_down()
    }

    /// Half a minute of many requests at one instance: only then may a failing object be read too often.
    fn crowd(&mut self) -> Result<(), String> {
        let instance = self.dice.below(self.instances.len() as u64) as usize;
        for _ in 0..60 {
            self.advance(1_000);
            let page = *self.dice.of(&PAGES);
            let visitor = self.client().visitor;
            self.ask(&[(instance, page, visitor, None)])?;
        }
        Ok(())
    }

    fn advance(&mut self, most_ms: i64) {
        let ms = self.dice.between(10, most_ms);
        let mut network = self.network.lock().expect("no check panics");
        network.now_ms += ms;
        self.delivery.run(&mut network, &mut self.dice);
    }

    /// All but lag ends. After a while every edge, warm or cold, must answer from the head.
    fn calm_down(&mut self) -> Result<(), String> {
        {
            let mut network = self.lock();
            network.weather = WEATHER[0];
            network.outage_until_ms = Default::default();
            network.note(|| "calm from here on".into());
        }
        if self.lock().books.head() == 0 {
            self.release();
        }
        // A paused worker returns, an audit repairs it, and that lags.
        let until = self.lock().now_ms + 400_000 + 180_000 + LAG_MS + 120_000;
        while self.lock().now_ms < until {
            self.advance(25_000);
            self.visit()?;
        }
        for instance in 0..self.instances.len() {
            if self.dice.permille(300) {
                self.restart(instance);
                self.lock().own = Default::default();
            }
            for page in PAGES {
                self.advance(2_000);
                self.look_behind(instance);
                let visitor = self.client().visitor;
                self.must_be_current(instance, page, visitor)?;
            }
        }
        Ok(())
    }

    fn must_be_current(
        &mut self,
        instance: usize,
        page: &'static str,
        visitor: Visitor,
    ) -> Result<(), String> {
        let verdict = self.ask(&[(instance, page, visitor, None)])?;
        let head = self.lock().books.head();
        for verdict in verdict {
            self.lock().count("converged");
            if verdict.error || verdict.sequence.is_some_and(|sequence| sequence != head) {
                let found = verdict.sequence;
                return Err(format!(
                    "edge {instance} still answers {found:?} instead of {head}"
                ));
            }
        }
        Ok(())
    }

    fn mishap(&mut self) {
        let instance = self.dice.below(self.instances.len() as u64) as usize;
        if self.dice.permille(40) {
            self.restart(instance);
        }
        if self.dice.permille(15) {
            self.set_clock(instance);
            self.lock()
                .note(|| format!("the clock of edge {instance} is set"));
        }
        let pop = self.dice.below(POPS as u64 + 1) as usize;
        if self.worst > 0 && self.dice.permille(8) {
            if let Some(own) = self.lock().own.get_mut(pop) {
                own.clear();
            }
        }
        if self.worst > 0 && self.dice.permille(8) {
            let length = self.dice.between(5_000, 240_000);
            let all = self.dice.permille(300);
            let mut network = self.lock();
            let until = network.now_ms + length;
            network.count("outage");
            network.note(|| {
                format!(
                    "outage at {}",
                    if all {
                        "all".into()
                    } else {
                        format!("PoP {pop}")
                    }
                )
            });
            for (number, outage) in network.outage_until_ms.iter_mut().enumerate() {
                if all || number == pop {
                    *outage = until;
                }
            }
        }
        let mut network = self.network.lock().expect("no check panics");
        if self.dice.permille(15) {
            self.delivery.crash(&mut network);
        }
        if self.dice.permille(25) {
            self.delivery.pause(&mut network, &mut self.dice);
        }
    }

    fn restart(&mut self, instance: usize) {
        let edge = self.edge();
        self.instances[instance].edge = edge;
        self.instances[instance].fresh = true;
        let mut network = self.lock();
        network.mirrors[instance] = Mirror::default();
        network.count("restart");
        network.note(|| format!("edge {instance} restarts"));
    }

    /// Publish, gray step, rollback or switch: always one sequence higher.
    fn release(&mut self) {
        let dice = &mut self.dice;
        let mut network = self.network.lock().expect("no check panics");
        let edition = |dice: &mut Dice| dice.below(books::library().editions.len() as u64) as usize;
        let head = network.books.head();
        let last = network.books.issued.get(&head).cloned();
        let mut release = last.unwrap_or(Release {
            sequence: 0,
            mode: Mode::Run,
            no_fallback: false,
            stable: edition(dice),
            gray: None,
        });
        release.sequence += 1;
        if dice.permille(15) {
            // A restored origin goes on in the next era.
            release.sequence = ((release.sequence >> 40) + 1) << 40 | 1;
            network.count("era raised");
        }
        release.no_fallback = dice.permille(80);
        release.mode = Mode::Run;
        let what = match dice.below(10) {
            0..4 => {
                release.stable = edition(dice);
                release.gray = None;
                "release: snapshot"
            }
            4..7 => {
                release.gray = Some(GrayShare {
                    edition: edition(dice),
                    share_bps: *dice.of(&[500, 3_000, 10_000]),
                    salt: format!("salt {}", dice.below(1_000)),
                    allow: (0..dice.below(4)).map(|_| dice.below(UNITS)).collect(),
                });
                "release: gray"
            }
            7 => {
                let issued: Vec<usize> = network
                    .books
                    .issued
                    .values()
                    .map(|old| old.stable)
                    .collect();
                release.stable = issued.first().map_or(0, |_| *dice.of(&issued));
                release.gray = None;
                "release: rollback"
            }
            _ => {
                release.mode = *dice.of(&[Mode::Hold, Mode::Defaults, Mode::Off]);
                if dice.permille(500) {
                    release.stable = edition(dice);
                }
                "release: switch"
            }
        };
        network.count(what);
        let sequence = network.books.issue(release);
        network.note(|| format!("{what} {sequence}"));
        self.delivery.start(&network);
    }

    /// One to three people ask one instance at the same time.
    fn visit(&mut self) -> Result<(), String> {
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
    fn look_behind(&mut self, instance: usize) {
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
    fn ask(
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
        let mut running: Vec<Option<Pin<Box<dyn Future<Output = Response> + '_>>>> =
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

/// Polls in an order of chance until all are done.
fn interleaved(
    running: &mut [Option<Pin<Box<dyn Future<Output = Response> + '_>>>],
    dice: &mut Dice,
) -> Vec<Response> {
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
