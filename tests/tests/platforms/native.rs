//! The native server in this process, over directories that can be damaged.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use skyful::manifest::TrustSet;
use skyful_native::{Collector, EventOptions, Options, Server};
use tokio::sync::oneshot;

use crate::platform::{ENV, Fault, Platform, Settings, TOKEN, WORKSPACE};

pub struct Native {
    folder: tempfile::TempDir,
    settings: Settings,
    running: Option<Running>,
}

struct Running {
    url: String,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Native {
    pub fn start(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let mut native = Self {
            folder,
            settings: settings.clone(),
            running: None,
        };
        native.up();
        native
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn up(&mut self) {
        let trust = TrustSet::parse(&self.settings.trust).expect("keys");
        let address = ([127, 0, 0, 1], 0).into();
        let mut options = Options::new(self.path("store"), address, WORKSPACE, ENV, trust);
        options.state = Some(self.path("state"));
        options.preview = self.settings.preview;
        options.cors.clone_from(&self.settings.cors);
        options.caps = self.settings.caps.map(str::to_owned);
        options.secret.clone_from(&self.settings.secret);
        options.context_keys.clone_from(&self.settings.context_keys);
        options.recheck_ms = self.settings.recheck_ms.into();
        options.secret.clone_from(&self.settings.secret);
        options.events = self.settings.collector.clone().map(|url| {
            let mut events = EventOptions::new(self.path("events"));
            let token = TOKEN.into();
            events.collector = Some(Collector { url, token });
            events
        });
        let (ready, url) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let server = Server::bind(options).await.expect("a free port");
                ready
                    .send(format!("http://{}", server.local_addr()))
                    .expect("heard");
                server.run(async { _ = stopped.await }).await;
            });
            // Kept connections would make it wait for clients that are in no hurry.
            runtime.shutdown_background();
        });
        let url = url.recv().expect("it starts");
        self.running = Some(Running { url, stop, thread });
    }

    fn down(&mut self) {
        if let Some(running) = self.running.take() {
            _ = running.stop.send(());
            running.thread.join().expect("it ends");
        }
    }

    /// Puts back what a fault took away.
    fn mend(&self) {
        let (store, whole) = (self.path("store"), self.path("whole"));
        if whole.exists() {
            _ = std::fs::remove_dir_all(&store);
            _ = std::fs::remove_file(&store);
            std::fs::rename(&whole, &store).expect("put back");
        }
    }
}

impl Platform for Native {
    fn name(&self) -> &str {
        "native"
    }

    fn url(&self) -> String {
        self.running.as_ref().expect("up").url.clone()
    }

    fn restart(&mut self) {
        self.down();
        self.up();
    }

    fn forget(&mut self) {
        _ = std::fs::remove_dir_all(self.path("state"));
    }

    fn fault(&mut self, fault: Fault) {
        self.mend();
        let (store, whole) = (self.path("store"), self.path("whole"));
        if fault == Fault::None {
            return;
        }
        std::fs::create_dir_all(&store).expect("a store");
        std::fs::rename(&store, &whole).expect("moved");
        match fault {
            Fault::None | Fault::Missing => {}
            // A file where a directory should be: every read fails.
            Fault::Down | Fault::Throttled => std::fs::write(&store, "").expect("written"),
            Fault::Torn | Fault::Swapped => {
                let files = files(&whole);
                for (at, file) in files.iter().enumerate() {
                    let other = &files[(at + 1) % files.len()];
                    let from = if fault == Fault::Swapped { other } else { file };
                    let mut bytes = std::fs::read(from).expect("read");
                    if fault == Fault::Torn {
                        bytes.truncate(bytes.len() / 2);
                    }
                    let to = store.join(file.strip_prefix(&whole).expect("inside"));
                    std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
                    std::fs::write(to, bytes).expect("written");
                }
            }
        }
    }

    fn keeps_copy(&self) -> bool {
        true
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

impl Drop for Native {
    fn drop(&mut self) {
        self.down();
    }
}
