//! The sample workspace, carried in the binary so that `skyful demo` needs nothing but itself.

use std::fs;
use std::path::Path;

use crate::failure::Failure;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../examples/wallet/", $name)))),*]
    };
}

/// Paths within the sample and what they hold.
const FILES: &[(&str, &[u8])] = files![
    "wallet.yaml",
    "README.md",
    "payday.csv",
    "art/bill-pie.svg",
    "art/class-tablet.svg",
    "art/coupon-bus.svg",
    "art/coupon-home.svg",
    "art/coupon-shop.svg",
    "art/family-home.svg",
    "art/ferry.svg",
    "art/ginkgo-hills.svg",
    "art/globe-transfer.svg",
    "art/goal-bars.svg",
    "art/icon-bill.svg",
    "art/icon-bolt.svg",
    "art/icon-bus.svg",
    "art/icon-calendar.svg",
    "art/icon-card.svg",
    "art/icon-clock.svg",
    "art/icon-code.svg",
    "art/icon-flame.svg",
    "art/icon-growth.svg",
    "art/icon-heart.svg",
    "art/icon-jar.svg",
    "art/icon-more.svg",
    "art/icon-phone.svg",
    "art/icon-scan.svg",
    "art/icon-send.svg",
    "art/icon-shield.svg",
    "art/icon-star.svg",
    "art/icon-top-up.svg",
    "art/icon-update.svg",
    "art/lanterns.svg",
    "art/member-child.svg",
    "art/member-elder.svg",
    "art/morning-park.svg",
    "art/night-market.svg",
    "art/paid-check.svg",
    "art/payday.svg",
    "art/sprout-jar.svg",
    "visitors/night_market_bangkok.json",
    "visitors/payday_shenzhen.json",
    "visitors/senior_hong_kong.json",
    "visitors/student_new_york.json",
    "visitors/young_adult_hangzhou.json",
];

/// Name of the document among them.
pub const DOCUMENT: &str = "wallet.yaml";
/// Name of the folder with the pictures.
pub const PICTURES: &str = "art";

/// Writes the sample into a folder; what is there already is somebody's and stays.
pub fn write(folder: &Path) -> Result<(), Failure> {
    for (name, bytes) in FILES {
        let path = folder.join(name);
        if path.exists() {
            continue;
        }
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, bytes)
        };
        write().map_err(|error| Failure::io("write", &path, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::FILES;
    use std::path::Path;

    #[test]
    fn nothing_of_the_sample_is_left_out() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wallet");
        let mut there = Vec::new();
        for folder in ["", "art/", "visitors/"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    there.push(format!("{folder}{}", entry.file_name().display()));
                }
            }
        }
        there.sort();
        let mut carried: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        carried.sort_unstable();
        assert_eq!(carried, there);
    }
}
