use super::*;

const ZONES: [&str; 12] = [
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Shanghai",
    "Pacific/Apia",
    "UTC",
    "Asia/Kolkata",
    "America/St_Johns",
    "Pacific/Chatham",
    "Asia/Pyongyang",
];

fn literal(zone_name: &str, local: &str) -> String {
    write(instant_of(zone(zone_name), parse_local(local).unwrap()))
}

#[test]
fn rfc_3339_is_read_as_written() {
    assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(parse("1970-01-01t00:00:00.1239z"), Some(123));
    assert_eq!(parse("1970-01-01T00:00:00.5Z"), Some(500));
    assert_eq!(parse("1969-12-31T23:59:59.9999Z"), Some(-1));
    assert_eq!(parse("1970-01-01T08:00:00+08:00"), Some(0));
    assert_eq!(parse("1969-12-31T18:30:00-05:30"), Some(0));
    assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2017-01-01T00:00:00Z"));
    assert_eq!(
        parse("2016-12-31T23:59:60.25Z"),
        parse("2017-01-01T00:00:00.250Z")
    );
    assert!(parse("2024-02-29T00:00:00Z").is_some());
}

#[test]
fn what_is_not_rfc_3339_does_not_fit() {
    for text in [
        "",
        "2026-11-22",
        "2026-11-22 00:00:00Z",
        "2026-11-22T00:00Z",
        "2026-11-22T00:00:00",
        "2026-11-22T24:00:00Z",
        "2026-11-22T00:60:00Z",
        "2026-11-22T00:00:61Z",
        "2026-11-22T00:00:00.Z",
        "2026-11-22T00:00:00,5Z",
        "2026-11-22T00:00:00+0800",
        "2026-11-22T00:00:00+08",
        "2026-11-22T00:00:00+24:00",
        "2026-11-22T00:00:00Z ",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "+002026-01-01T00:00:00Z",
        "2026-11-22T00:00:00é",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_gap_moves_forward_by_its_length() {
    assert_eq!(
        literal("America/New_York", "2026-03-08T02:30"),
        "2026-03-08T07:30:00Z"
    );
    assert_eq!(
        literal("Europe/London", "2026-03-29T01:00"),
        "2026-03-29T01:00:00Z"
    );
    // Lord Howe skips half an hour only: 02:15 becomes 02:45.
    assert_eq!(
        literal("Australia/Lord_Howe", "2026-10-04T02:15"),
        "2026-10-03T15:45:00Z"
    );
    // Samoa skipped the whole of 30 December 2011.
    assert_eq!(
        literal("Pacific/Apia", "2011-12-30T12:00"),
        "2011-12-30T22:00:00Z"
    );
    // Brazil's clocks went forward at midnight.
    assert_eq!(
        literal("America/Sao_Paulo", "2018-11-04T00:00"),
        "2018-11-04T03:00:00Z"
    );
}

#[test]
fn a_fold_takes_the_earlier() {
    assert_eq!(
        literal("America/New_York", "2026-11-01T01:30"),
        "2026-11-01T05:30:00Z"
    );
    assert_eq!(
        literal("Europe/London", "2026-10-25T01:30"),
        "2026-10-25T00:30:00Z"
    );
    assert_eq!(
        literal("Australia/Lord_Howe", "2026-04-05T01:45"),
        "2026-04-04T14:45:00Z"
    );
    let twice = instants_of(
        zone("Europe/London"),
        parse_local("2026-10-25T01:30").unwrap(),
    );
    assert_eq!(twice.len(), 2);
}

#[test]
fn known_offsets_hold_far_ahead() {
    // 2099: New York still goes by its rule, which a table that ends in 2037 gets wrong.
    assert_eq!(
        literal("America/New_York", "2099-07-01T12:00"),
        "2099-07-01T16:00:00Z"
    );
    assert_eq!(
        literal("America/New_York", "2099-12-01T12:00"),
        "2099-12-01T17:00:00Z"
    );
    assert_eq!(
        literal("Europe/London", "2099-07-01T12:00"),
        "2099-07-01T11:00:00Z"
    );
    assert_eq!(
        literal("Asia/Shanghai", "2099-07-01T12:00"),
        "2099-07-01T04:00:00Z"
    );
    // Morocco's clock went back for Ramadan, in February and March of 2026, and in September for good.
    assert_eq!(
        literal("Africa/Casablanca", "2026-12-01T12:00"),
        "2026-12-01T12:00:00Z"
    );
    assert_eq!(
        literal("Africa/Casablanca", "2026-03-01T12:00"),
        "2026-03-01T12:00:00Z"
    );
    assert_eq!(
        literal("Africa/Casablanca", "2026-06-01T12:00"),
        "2026-06-01T11:00:00Z"
    );
}

#[test]
fn the_year_2100_has_its_clock_changes() {
    let changes = |name: &str| -> Vec<String> {
        let year = |year: i64| parse(&format!("{year}-01-01T00:00:00Z")).unwrap();
        let found = transitions(zone(name), year(2100), year(2101));
        found.into_iter().map(write).collect()
    };
    assert_eq!(
        changes("America/New_York"),
        ["2100-03-14T07:00:00Z", "2100-11-07T06:00:00Z"]
    );
    assert_eq!(
        changes("Europe/London"),
        ["2100-03-28T01:00:00Z", "2100-10-31T01:00:00Z"]
    );
    assert_eq!(
        changes("Australia/Lord_Howe"),
        ["2100-04-03T15:00:00Z", "2100-10-02T15:30:00Z"]
    );
    assert!(changes("Asia/Shanghai").is_empty());
}

#[test]
fn no_zone_used_changes_twice_within_thirty_hours() {
    let (from, to) = (
        parse("2000-01-01T00:00:00Z").unwrap(),
        parse("2102-01-01T00:00:00Z").unwrap(),
    );
    for name in ZONES {
        let all = transitions(zone(name), from, to);
        assert!(
            all.windows(2).all(|pair| pair[1] - pair[0] > 30 * HOUR),
            "{name}"
        );
        assert!(all.iter().all(|instant| instant % SECOND == 0), "{name}");
    }
}

/// The two offsets at ±15 hours against every offset that the zone ever has.
#[test]
fn instants_of_a_wall_clock_agree_with_trying_every_offset() {
    for name in ZONES {
        let zone = zone(name);
        let from = parse("2009-01-01T00:00:00Z").unwrap();
        let all = transitions(zone, from, from + 9 * 365 * DAY);
        let mut offsets: Vec<i64> = all.iter().map(|&at| offset(zone, at)).collect();
        offsets.push(offset(zone, from));
        offsets.sort_unstable();
        offsets.dedup();
        for at in all {
            for step in -60..=60 {
                let local = wall_clock(zone, at + step * 30 * MINUTE);
                let mut tried: Vec<i64> = offsets
                    .iter()
                    .map(|&offset| local_millis(local) - offset)
                    .filter(|&instant| wall_clock(zone, instant) == local)
                    .collect();
                tried.sort_unstable();
                assert_eq!(instants_of(zone, local), tried, "{name} {local}");
            }
        }
    }
}
