//! One schedule: edges, clients, releases and weather in virtual time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use skyful_edge::{Config, Edge};

use crate::books::{self, ENV, PAGES, Visitor, WORKSPACE};
use crate::delivery::Delivery;
use crate::dice::{Dice, mix};
use crate::door::Door;
use crate::mirror::Mirror;
use crate::publishing::Site;
use crate::store::{LAG_MS, Network, POPS, WEATHER};
use crate::visits::Client;

const START_MS: i64 = 1_800_000_000_000;

pub struct Instance {
    pub edge: Edge,
    pub door: Door,
    /// Nothing was asked of it yet.
    pub fresh: bool,
}

pub struct World {
    pub network: Arc<Mutex<Network>>,
    pub dice: Dice,
    pub instances: Vec<Instance>,
    pub clients: Vec<Client>,
    pub delivery: Delivery,
    /// The worst weather of this schedule.
    worst: usize,
    pub step: u64,
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

    pub fn lock(&self) -> std::sync::MutexGuard<'_, Network> {
        self.network.lock().expect("no check panics")
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
            publishing: None,
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
            self.advance(pause)?;
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
            self.advance(1_000)?;
            let page = *self.dice.of(&PAGES);
            let visitor = self.client().visitor;
            self.ask(&[(instance, page, visitor, None)])?;
        }
        Ok(())
    }

    fn advance(&mut self, most_ms: i64) -> Result<(), String> {
        let ms = self.dice.between(10, most_ms);
        let mut site = Site {
            network: &self.network,
            instances: &mut self.instances,
        };
        site.lock().now_ms += ms;
        self.delivery.run(&mut site, &mut self.dice)
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
            self.advance(25_000)?;
            self.visit()?;
        }
        for instance in 0..self.instances.len() {
            if self.dice.permille(300) {
                self.restart(instance);
                self.lock().own = Default::default();
            }
            for page in PAGES {
                self.advance(2_000)?;
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
        if self.worst > 0
            && self.dice.permille(8)
            && let Some(own) = self.lock().own.get_mut(pop)
        {
            own.clear();
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
}
