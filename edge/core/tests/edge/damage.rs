//! Bytes that are not what was published. Whatever is changed: the last known good, or an empty page.

use crate::fixture::{chunk_key, keys, release, snapshot, value};
use crate::world::World;

/// Publishes `one`, then `two` whose chunk is damaged, to a warm and to a fresh edge.
fn damaged_chunk(damage: impl FnOnce(&mut Vec<u8>)) {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let mut world = World::published(1, &one);
    world.home();
    world.publish(2, &two);
    let key = chunk_key(&two, "home");
    let mut bytes = world.store.value(&key).unwrap();
    damage(&mut bytes);
    world.store.insert(key, bytes);
    world.wait(1_000);
    world.home().check("one in en", 1, Some("2"));
    world.store.forget();
    world.restart();
    let answer = world.home();
    answer.check("", 2, None);
    assert_eq!(answer.json["reason"], "ERROR");
}

#[test]
fn a_chunk_with_any_byte_changed_never_counts() {
    let two = snapshot("two");
    let len = two.objects[&two.listing.chunk("home", 0).unwrap()].len();
    for at in 0..len {
        damaged_chunk(|bytes| bytes[at] ^= 1 << (at % 8));
    }
}

#[test]
fn a_chunk_cut_or_grown_anywhere_never_counts() {
    for part in 0..64 {
        damaged_chunk(|bytes| bytes.truncate(bytes.len() * part / 64));
    }
    damaged_chunk(|bytes| bytes.push(0));
    damaged_chunk(|bytes| bytes.resize(2_000_000, 0));
}

#[test]
fn another_pages_chunk_under_this_name_never_counts() {
    let two = snapshot("two");
    let other = two.objects[&two.listing.chunk("lists", 0).unwrap()].clone();
    damaged_chunk(|bytes| *bytes = other);
}

#[test]
fn a_manifest_with_any_byte_changed_leaves_the_answer_as_it_is() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let good = value(&release(2, &two).sign(1), &release(1, &one).sign(1));
    let current = release(2, &two).sign(1).len();
    let mut world = World::published(1, &one);
    world.home();
    world.upload(&two);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        world.store.insert(keys().manifest(), bytes);
        world.wait(1_000);
        if at < 12 + current {
            world.home().check("one in en", 1, None);
        } else {
            // Damage to the fallback alone is no reason to refuse what it stands behind.
            world.home().check("two in en", 2, None);
        }
    }
}

#[test]
fn a_manifest_cut_anywhere_leaves_the_answer_as_it_is() {
    let (one, two) = (snapshot("one"), snapshot("two"));
    let good = value(&release(2, &two).sign(1), &[]);
    let mut world = World::published(1, &one);
    world.home();
    world.upload(&two);
    for len in 0..good.len() {
        world.store.insert(keys().manifest(), &good[..len]);
        world.wait(1_000);
        world.home().check("one in en", 1, None);
    }
}
