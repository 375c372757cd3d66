//! Killed at any instant, with saves, imports, releases, rollbacks and deliveries under way, the origin has what it said it has,
//! nothing by halves, and goes on with what was left.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::Person;
use crate::database;
use crate::stage::{Recovery, TITLE, World};
use crate::story::PROD;
use crate::visitor::Visitor;

const MODULES: &str = "/api/v1/workspaces/wallet/modules";
const SHOP: &str = "/api/v1/workspaces/shop";
const EDITORS: usize = 3;
/// A kill comes within that.
const SPAN_US: u64 = 400_000;
/// How often the command line looks at everything too.
const LOOK: usize = 20;

/// Of what one person does again and again: the last that was answered, and the last that was sent.
#[derive(Clone, Copy, Default)]
struct Count {
    answered: u64,
    sent: u64,
}

impl Count {
    /// What was found is what was answered, or what was sent after it. Gives whether an answer was lost.
    #[track_caller]
    fn found(&mut self, found: u64) -> bool {
        assert!((self.answered..=self.sent).contains(&found), "{found}");
        let lost = found != self.answered;
        (self.answered, self.sent) = (found, found);
        lost
    }
}

fn body(save: u64) -> Vec<u8> {
    json!({"type": "banner", "description": save.to_string()})
        .to_string()
        .into_bytes()
}

/// Saves until there is no answer any more.
fn edit(person: &Person, editor: usize, mut saves: Count, stop: &AtomicBool) -> Count {
    let path = format!("{MODULES}/m{editor}");
    let Some(mut etag) = person
        .try_ask("GET", &path, &[], b"")
        .map(|answer| answer.etag)
    else {
        return saves;
    };
    while !stop.load(Ordering::Relaxed) {
        saves.sent += 1;
        let headers = [("if-match", etag.as_str())];
        let Some(answer) = person.try_ask("PUT", &path, &headers, &body(saves.sent)) else {
            break;
        };
        etag = answer.is(200).etag;
        saves.answered = saves.sent;
    }
    saves
}

/// Imports a whole document until there is no answer any more.
fn import(person: &Person, sample: &str, mut imports: Count, stop: &AtomicBool) -> Count {
    while !stop.load(Ordering::Relaxed) {
        imports.sent += 1;
        let text = sample.replace("workspace: wallet", "workspace: shop");
        let text = text.replace("Everything within easy reach", &title(imports.sent));
        let headers = [("if-match", "*")];
        let path = format!("{SHOP}/document");
        let Some(answer) = person.try_ask("PUT", &path, &headers, text.as_bytes()) else {
            break;
        };
        answer.is(200);
        imports.answered = imports.sent;
    }
    imports
}

fn title(number: u64) -> String {
    format!("Import {number}.")
}

/// Which import a draft is of: all of it.
fn imported(person: &Person) -> u64 {
    let document = person.get(&format!("{SHOP}/document")).is(200).body;
    let text = document.to_string();
    let (_, rest) = text.split_once("Import ").expect("an import");
    let (number, _) = rest.split_once('.').expect("a number");
    assert_eq!(
        text.matches("Import ").count(),
        text.matches(&title(number.parse().expect("a number")))
            .count()
    );
    number.parse().expect("a number")
}

/// What somebody was told who releases and takes back.
#[derive(Default)]
struct Releaser {
    asked: u64,
    /// Asked and not answered.
    open: Option<String>,
    answered: Vec<(i64, String)>,
    taken_back: Vec<i64>,
}

impl Releaser {
    /// Writes, releases, and takes each third back, until there is no answer any more.
    fn release(&mut self, person: &Person, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) && self.once(person).is_some() {}
    }

    fn once(&mut self, person: &Person) -> Option<()> {
        self.asked += 1;
        let name = format!("release {}", self.asked);
        let plan = person.try_ask("GET", TITLE, &[], b"")?;
        let mut value = plan.body["value"].clone();
        value["content"]["title"]["en"] = json!(name);
        let headers = [("if-match", &*plan.etag)];
        person.try_ask("PUT", TITLE, &headers, value.to_string().as_bytes())?;
        self.open = Some(name.clone());
        self.ask(person, &name)?;
        let last = self.answered.last().map(|(id, _)| *id);
        if let Some(id) = last.filter(|_| self.asked.is_multiple_of(3)) {
            let path = format!("{PROD}/releases/{id}/rollback");
            let answer = person.try_ask("POST", &path, &[], b"")?;
            if answer.status == 200 {
                self.taken_back.push(id);
            }
        }
        Some(())
    }

    fn ask(&mut self, person: &Person, name: &str) -> Option<()> {
        let once = [("idempotency-key", name)];
        let body = json!({"note": name}).to_string();
        let path = format!("{PROD}/releases");
        let answer = person.try_ask("POST", &path, &once, body.as_bytes())?;
        self.open = None;
        match answer.status {
            201 => {
                let id = answer.body["id"].as_i64().expect("an id");
                self.answered.push((id, name.to_owned()));
            }
            // Everybody sees this already: the write before it was lost.
            409 => {}
            _ => panic!("{}: {:#}", answer.status, answer.body),
        }
        Some(())
    }

    /// What was answered is there, and nothing else but what went unanswered once and is asked again.
    fn check(&mut self, world: &World) {
        if let Some(name) = self.open.take() {
            self.ask(&world.ada, &name).expect("an answer");
        }
        let found = database::releases(&world.desk, "prod");
        let notes: Vec<_> = found
            .iter()
            .skip(1)
            .map(|(id, note, _)| (*id, note.clone()))
            .collect();
        assert_eq!(notes, self.answered);
        for id in &self.taken_back {
            let place = usize::try_from(*id - 1).expect("a place");
            assert_eq!(found[place].2, "rolled_back", "release {id}");
        }
    }
}

#[test]
fn killed_at_any_instant_it_has_what_it_said_it_has_and_goes_on() {
    let kills = std::env::var("SKYFUL_ORIGIN_KILLS").map_or(5, |n| n.parse().expect("a number"));
    let mut world = World::new();
    let sample = std::fs::read_to_string(world.desk.path("wallet.yaml")).expect("the sample");
    let mut saves = [Count::default(); EDITORS];
    for editor in 0..EDITORS {
        let path = format!("{MODULES}/m{editor}");
        let new = [("if-none-match", "*")];
        world.ada.ask("PUT", &path, &new, &body(0)).is(200);
    }
    let shop = json!({"key": "shop", "name": "Shop"});
    world.ada.post("/api/v1/workspaces", &shop).is(201);
    let text = sample.replace("workspace: wallet", "workspace: shop");
    let text = text.replace("Everything within easy reach", &title(0));
    let path = format!("{SHOP}/document");
    let any = [("if-match", "*")];
    world.ada.ask("PUT", &path, &any, text.as_bytes()).is(200);
    let mut imports = Count::default();
    let mut releaser = Releaser::default();
    let visitor = Visitor::come(&world.edge);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut slowest = Recovery::default();
    let mut lost = 0;
    for kill in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let instant = Duration::from_micros(random % SPAN_US);
        let stop = AtomicBool::new(false);
        let ada = world.ada.clone();
        std::thread::scope(|scope| {
            let (ada, stop, sample) = (&ada, &stop, &sample);
            let editors: Vec<_> = (0..EDITORS)
                .map(|editor| {
                    let before = saves[editor];
                    scope.spawn(move || edit(ada, editor, before, stop))
                })
                .collect();
            let importing = scope.spawn(move || import(ada, sample, imports, stop));
            let releasing = scope.spawn(|| releaser.release(ada, stop));
            // The kill is what is tested, and when it comes is left to chance.
            std::thread::sleep(instant);
            world.origin.kill();
            stop.store(true, Ordering::Relaxed);
            for (editor, thread) in editors.into_iter().enumerate() {
                saves[editor] = thread.join().expect("no editor fails");
            }
            imports = importing.join().expect("no import fails");
            releasing.join().expect("no release fails");
        });
        slowest = slowest.slowest(world.recovers());
        for (editor, saves) in saves.iter_mut().enumerate() {
            let found = world.ada.get(&format!("{MODULES}/m{editor}")).is(200).body;
            let found = found["value"]["description"].as_str().expect("a save");
            lost += u64::from(saves.found(found.parse().expect("a number")));
        }
        lost += u64::from(imports.found(imported(&world.ada)));
        releaser.check(&world);
        database::whole(&world.desk);
        if kill % LOOK == 0 || kill + 1 == kills {
            world.finished(Instant::now());
            world.sound();
            let all_saves: u64 = saves.iter().map(|saves| saves.answered).sum();
            let (released, back) = (releaser.answered.len(), releaser.taken_back.len());
            let Recovery { ready, delivered } = slowest;
            println!(
                "{} kills, {all_saves} saves, {} imports, {released} releases, {back} taken back, {lost} saves or imports kept \
                 though their answer was lost; ready after {ready:.2?} at most, all delivered after {delivered:.2?} at most",
                kill + 1,
                imports.answered,
            );
        }
    }
    println!("{} whole pages meanwhile", visitor.leave());
}
