use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use super::read::Reader;
use super::segment::SEGMENT_BYTES;
use super::*;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn batch(from: usize, to: usize) -> Vec<u8> {
    (from..to)
        .flat_map(|n| format!("{{\"id\":\"{n}\"}}\n").into_bytes())
        .collect()
}

/// All that a reader finds from where it was left, which then counts as delivered.
fn read(folder: &Path) -> Vec<String> {
    let (_writer, shared) = Writer::open(folder).unwrap();
    let mut reader = Reader::open(folder, shared);
    let mut found = Vec::new();
    while let Some(batch) = reader.more().unwrap() {
        found.extend(
            batch
                .lines
                .iter()
                .map(|line| String::from_utf8(line.clone()).unwrap()),
        );
        reader.settle(batch.end).unwrap();
    }
    found
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("{{\"id\":\"{n}\"}}")).collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let numbers = segment::list(folder).unwrap();
    numbers
        .into_iter()
        .map(|number| segment::path(folder, number))
        .collect()
}

/// One process and its end.
fn write(folder: &Path, from: usize, to: usize) {
    block_on(async {
        let events = Events::open(&EventOptions::new(folder)).unwrap();
        events.send(&batch(from, to)).await.unwrap();
        events.close().await;
    });
}

#[test]
fn the_next_process_finds_what_was_written_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 0, 1_500);
    write(folder.path(), 1_500, 1_600);
    assert_eq!(segments(folder.path()).len(), 2);
    assert_eq!(read(folder.path()), ids(0..1_600));
    assert!(read(folder.path()).is_empty());
    assert!(
        segments(folder.path()).is_empty(),
        "nothing is left to keep"
    );
    write(folder.path(), 1_600, 1_601);
    assert_eq!(read(folder.path()), ids(1_600..1_601));
}

#[test]
fn every_torn_end_is_passed_over_and_costs_no_whole_record() {
    let whole = segment::records(&batch(0, 3));
    for cut in 0..whole.len() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(segment::path(folder.path(), 1), &whole[..cut]).unwrap();
        std::fs::write(
            segment::path(folder.path(), 2),
            segment::records(&batch(3, 4)),
        )
        .unwrap();
        let ends = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        let mut wanted = ids(0..ends);
        wanted.extend(ids(3..4));
        assert_eq!(read(folder.path()), wanted, "cut at {cut}");
    }
}

#[test]
fn a_damaged_record_takes_no_other_along() {
    let whole = segment::records(&batch(0, 3));
    let second = whole.iter().position(|byte| *byte == b'\n').unwrap() + 20;
    for garbage in [vec![b'#'], vec![0; 600 << 10]] {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = whole.clone();
        bytes.splice(second..=second, garbage);
        std::fs::write(segment::path(folder.path(), 1), bytes).unwrap();
        let found = read(folder.path());
        assert_eq!(found, [ids(0..1), ids(2..3)].concat());
    }
}

#[test]
fn a_lost_note_of_what_was_delivered_repeats_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 0, 10);
    std::fs::write(folder.path().join("forwarded"), "1 ").unwrap();
    assert_eq!(read(folder.path()), ids(0..10));
}

#[test]
fn a_full_segment_is_followed_by_another() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let events = Events::open(&EventOptions::new(folder.path())).unwrap();
        let long = format!("{{\"id\":\"{}\"}}\n", "x".repeat(3_000)).repeat(350);
        for _ in 0..2 * SEGMENT_BYTES / long.len() as u64 + 2 {
            events.send(long.as_bytes()).await.unwrap();
        }
        events.close().await;
    });
    assert!(segments(folder.path()).len() >= 3);
    let found = read(folder.path());
    assert_eq!(found.len() % 350, 0);
    assert!(found.len() as u64 * 3_000 > 2 * SEGMENT_BYTES);
}

#[test]
fn a_full_log_refuses_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let mut options = EventOptions::new(folder.path());
        options.limit_bytes = 100;
        let events = Events::open(&options).unwrap();
        events.send(&batch(0, 10)).await.unwrap();
        let refused = events.send(&batch(10, 11)).await.unwrap_err();
        assert!(refused.0.contains("full"), "{refused}");
        events.close().await;
        // Also the next process, before it wrote anything.
        let events = Events::open(&options).unwrap();
        events.send(&batch(10, 11)).await.unwrap_err();
        events.close().await;
    });
    assert_eq!(read(folder.path()), ids(0..10));
}

#[test]
fn a_log_belongs_to_one_process_and_a_closed_one_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let options = EventOptions::new(folder.path());
        let events = Events::open(&options).unwrap();
        assert!(Events::open(&options).is_err());
        events.close().await;
        events.send(&batch(0, 1)).await.unwrap_err();
        Events::default().send(&batch(0, 1)).await.unwrap_err();
    });
    assert!(read(folder.path()).is_empty());
}

/// Answers one batch after another by what it is told, and returns all that was settled.
fn collector(
    answer: impl Fn(usize, &str) -> (u16, String) + Send + 'static,
) -> (Collector, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (settled, arrived) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut length, mut line) = (0, String::new());
            while stream.read_line(&mut line).unwrap() > 2 {
                let header = line.to_ascii_lowercase();
                if let Some(text) = header.strip_prefix("content-length: ") {
                    length = text.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let (status, said) = answer(number, &body);
            write!(
                stream.get_mut(),
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{said}",
                said.len()
            )
            .unwrap();
            if status == 200 && said.starts_with('{') {
                for line in body.lines() {
                    // Nobody waits any more: the test has seen enough.
                    let _ = settled.send(line.to_owned());
                }
            }
        }
    });
    let collector = Collector {
        url,
        token: "token".into(),
    };
    (collector, arrived)
}

fn deliver(
    events: usize,
    answer: impl Fn(usize, &str) -> (u16, String) + Send + 'static,
    arrive: usize,
) -> (Vec<String>, String) {
    deliver_lines(batch(0, events), answer, arrive)
}

fn deliver_lines(
    lines: Vec<u8>,
    answer: impl Fn(usize, &str) -> (u16, String) + Send + 'static,
    arrive: usize,
) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (collector, arrived) = collector(answer);
    let found = block_on(async {
        let mut options = EventOptions::new(folder.path());
        options.collector = Some(collector);
        let log = Events::open(&options).unwrap();
        log.send(&lines).await.unwrap();
        let found = tokio::task::spawn_blocking(move || {
            let next = || arrived.recv_timeout(Duration::from_secs(30)).unwrap();
            (0..arrive).map(|_| next()).collect::<Vec<_>>()
        });
        let found = found.await.unwrap();
        log.close().await;
        found
    });
    assert!(read(folder.path()).is_empty(), "all of it is settled");
    let letters = std::fs::read_to_string(folder.path().join("dead-letters.jsonl")).unwrap();
    (found, letters)
}

#[test]
fn what_the_collector_did_not_say_it_took_is_sent_again() {
    let answers = |number, _: &str| match number {
        0 => (503, String::new()),
        1 => (200, "<html>a proxy</html>".into()),
        2 => (401, "{}".into()),
        _ => (200, "{}".into()),
    };
    let (found, letters) = deliver(3, answers, 3);
    assert_eq!(found, ids(0..3));
    assert_eq!(letters, "");
}

#[test]
fn a_poisoned_batch_is_halved_until_what_is_wrong_is_alone() {
    let answers = |_, body: &str| match body.contains("\"5\"") {
        true => (400, String::new()),
        false => (200, "{}".into()),
    };
    let (mut found, letters) = deliver(20, answers, 19);
    found.sort_unstable();
    let mut wanted = [ids(0..5), ids(6..20)].concat();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!(letters, "{\"why\":\"poison\",\"event\":{\"id\":\"5\"}}\n");
}

#[test]
fn a_refused_event_is_kept_for_a_person() {
    let answers = |_, _: &str| {
        (
            200,
            r#"{"refused":[{"line":1,"why":"too_late\"}"},{"line":9,"why":"x"}]}"#.into(),
        )
    };
    let (found, letters) = deliver(3, answers, 3);
    assert_eq!(found.len(), 3);
    assert_eq!(letters, "{\"why\":\"too_late\",\"event\":{\"id\":\"1\"}}\n");
}

/// As an edge wrote it so long ago.
fn line(id: &str, ago_ms: i64) -> String {
    let at = skyful::value::datetime::format(crate::serve::now_ms() - ago_ms);
    let event =
        r#""type":"click","unit":"u","page":"p","receipt":"AAAA","workspace":"w","env":"e""#;
    format!(r#"{{"id":"{id}",{event},"at":"{at}","received_at":"{at}"}}"#)
}

/// The collector's secret lags behind the edge's: what it takes for forged comes again, and holds up nothing.
#[test]
fn an_event_that_is_taken_for_forged_comes_again_for_three_days_and_then_is_kept() {
    let (young, old) = (line("young", 0), line("old", 4 * 86_400_000));
    let lines = [&*old, &young, &line("fine", 0)].join("\n") + "\n";
    let answers = |number, body: &str| {
        let forged = |id: &str| {
            let line = body.lines().position(|line| line.contains(id));
            line.filter(|_| number < 3)
                .map(|line| format!(r#"{{"line":{line},"why":"forged_receipt"}}"#))
        };
        let refused: Vec<String> = ["young", "old"].into_iter().filter_map(forged).collect();
        (200, format!(r#"{{"refused":[{}]}}"#, refused.join(",")))
    };
    // Three lines at first, then the young one until it is taken.
    let (found, letters) = deliver_lines(lines.into(), answers, 6);
    assert_eq!(found[3..], [young.clone(), young.clone(), young]);
    let letter = format!("{{\"why\":\"forged_receipt\",\"event\":{old}}}\n");
    assert_eq!(letters, letter);
}
